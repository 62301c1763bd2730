// An open run, as the main thread knows it: who waits for what, and when to ask again.
//
// The rules of flushes are the component's. Here callers are parked until a flush took what they
// asked for, calls that wait for the thread are put together, and the component is asked again when
// it said that this makes sense.

import { Caller } from './callers.js';
import { TandemError, errorOf } from './error.js';

/** Calls that change nothing. */
const LOOKS = ['read', 'stats'];

/** What the texts of one call of the thread may have, unless a single one has more. */
const TEXTS_BYTES_MAX = 16 << 20;
/** A longer timer fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const AGAIN = { name: 'again' };
const FORCED = { manifest: false, heartbeat: false, force: true };
const NOTHING = { manifest: false, heartbeat: false, force: false };
const EMPTY = { manifest: undefined, heartbeat: undefined, revision: undefined };

/** A call of the thread for one run: changes and marks in their order, then at most one flush. */
class Call {
    steps = [];
    last = undefined;
    /** Callers of the flush, each with the mark that asks for it, if another asks for it at last. */
    askers = [];
    bytes = 0;
    /** It is made because it was time for it. */
    isOfTimer = false;
    /** What its last flush wrote: apart from the call, which nobody needs to have after its end. */
    outcome = { receipt: undefined };

    get changes() {
        return this.steps.some(({ name }) => !LOOKS.includes(name));
    }

    /** Something comes after what was last so far: that is marked, and flushed at the end. */
    demote() {
        const { name, request } = this.last ?? AGAIN;
        if (name !== AGAIN.name) {
            const asker = this.askers.find(({ step, isRider }) => step === undefined && !isRider);
            asker.step = this.steps.length;
            this.steps.push({ name: 'mark', value: name === 'flush' ? FORCED : request, resolve() {}, reject() {} });
            this.last = AGAIN;
        }
    }
}

export class OpenRun {
    #pool;
    #thread;
    #id;
    // The call that takes more steps, until the thread is told.
    #next;
    #flying = [];
    // What the thread has not been told yet: the next call, and those that are full.
    #queued = new Set();
    // Callers who wait for what no flush has taken yet.
    #parked = [];
    #timer;
    #isDropped = false;
    // Ends when the thread has dropped the run.
    #dropping;
    #endDropping;
    #isClosed = false;
    // What the last close comes to.
    #closing;
    // Those of a closed run.
    #lastStats;
    // How many requests of callers that do not wait no flush has taken, by what takes them.
    #marks = { manifest: 0, heartbeat: 0, either: 0 };
    #counts = { requests: 0, coalesced: 0, automaticRetries: 0 };

    /** Whether something was called since the process was last about to end. */
    isTouched = false;

    constructor(pool, thread, id) {
        this.#pool = pool;
        this.#thread = thread;
        this.#id = id;
    }

    get thread() {
        return this.#thread;
    }

    get id() {
        return this.#id;
    }

    get isClosed() {
        return this.#isClosed;
    }

    get isDropped() {
        return this.#isDropped;
    }

    /** Changes the run, or looks at it. */
    step(name, value, bytes = 0) {
        return this.#promise((promise) => {
            if (LOOKS.includes(name) && this.#next?.last) {
                // It looks at what the flush before it left.
                this.#next = undefined;
            }
            const call = this.#call(bytes);
            // What was asked for before this is judged by the document as it was.
            call.demote();
            call.steps.push({ name, value, bytes, ...promise });
        });
    }

    /**
     * Asks for a flush, and does not wait for it. Who does not even wait for the answer is told
     * nothing but wrong arguments: all else is told by the next call that is waited for.
     */
    async mark(request) {
        try {
            await this.#mark(request);
        } catch (error) {
            if (error.kind === 'invalid-input') {
                throw error;
            }
        }
    }

    #mark(request) {
        return this.#promise(({ resolve, reject }) => {
            const accept = () => {
                this.#counts.requests += 1;
                this.#marks[takerOf(request)] += 1;
                resolve();
            };
            const call = this.#call(0);
            call.steps.push({ name: 'mark', value: request, resolve: accept, reject, isAnsweredFirst: true });
            call.last ??= AGAIN;
        });
    }

    schedule(request) {
        return this.#promise((promise) => this.#ask({ name: 'schedule', request }, new Caller(promise, request)));
    }

    flush() {
        return this.#promise((promise) => this.#ask({ name: 'flush' }, new Caller(promise, FORCED)));
    }

    /** Of a run that was dropped it waits for the end of that. */
    close() {
        if (this.#isDropped) {
            return this.#dropping;
        }
        if (this.#isAnswered) {
            return Promise.resolve(EMPTY);
        }
        if (!this.#closing || !this.#isOfClosed) {
            this.#closing = this.#promise((promise) => this.#ask({ name: 'close' }, new Caller(promise, FORCED)));
        }
        // Otherwise it is closed with its Tandem, or could not be.
        return this.#closing;
    }

    async stats() {
        const stats = this.#isAnswered ? structuredClone(this.#lastStats) : await this.step('stats');
        // The component counts what it is asked by this class, too.
        return { ...stats, ...this.#counts };
    }

    /** Gives the run up. Calls that are under way end first. */
    drop() {
        if (this.#isDropped) {
            return;
        }
        this.#isDropped = true;
        this.#next = undefined;
        this.#setTimer(undefined);
        for (const caller of this.#parked.splice(0)) {
            caller.refuse(dropped());
        }
        this.#dropping = new Promise((resolve) => {
            this.#endDropping = () => resolve(EMPTY);
        });
        const end = () => {
            // Not before: what is under way would write over what is opened in the run's place.
            this.#pool.isGone(this);
            this.#endDropping();
        };
        this.#thread.add({ bytes: 0, start: () => ({ kind: 'drop', run: this.#id }), end });
    }

    /** Nobody has the run any more. */
    async abandon() {
        try {
            await this.close();
        } catch {
            // Nobody is there to be told.
        }
        this.drop();
    }

    /** The thread is gone: whoever waits is told. */
    fail(problem) {
        this.#setTimer(undefined);
        for (const { steps, askers } of [...this.#flying.splice(0), ...this.#queued]) {
            steps.forEach(({ reject }) => reject(problem()));
            askers.forEach(({ caller }) => caller.refuse(problem()));
        }
        this.#endDropping?.();
        this.#queued.clear();
        this.#next = undefined;
        this.#parked.splice(0).forEach((caller) => caller.refuse(problem()));
    }

    /** Whether the run is closed, and its Tandem too, so that no thread can be asked. */
    get #isAnswered() {
        return this.#lastStats && !this.#isDropped && this.#isOfClosed;
    }

    get #isOfClosed() {
        return this.#pool.problem()?.kind === 'closed';
    }

    /** Why nothing can be called. */
    #problem() {
        return this.#pool.problem() ?? (this.#isDropped ? dropped() : undefined);
    }

    #promise(make) {
        this.isTouched = true;
        return new Promise((resolve, reject) => {
            const problem = this.#problem();
            if (problem) {
                reject(problem);
            } else {
                make({ resolve, reject });
            }
        });
    }

    /** The call that takes more steps. */
    #call(bytes) {
        const next = this.#next;
        const isFull = next && next.bytes > 0 && next.bytes + bytes > TEXTS_BYTES_MAX;
        // What is called after a close is refused, or meets a run that stayed open.
        if (!next || isFull || (next.last?.name === 'close' && !this.#isDropped)) {
            this.#next = this.#newCall();
        }
        this.#next.bytes += bytes;
        return this.#next;
    }

    #newCall() {
        const call = new Call();
        this.#queued.add(call);
        const start = (put) => {
            this.#queued.delete(call);
            this.#flying.push(call);
            if (this.#next === call) {
                this.#next = undefined;
            }
            const steps = call.steps.map(({ name, value, bytes, isAnsweredFirst }) => ({
                name,
                value: bytes > 0 ? put(value, bytes) : value,
                isAnsweredFirst,
            }));
            return { kind: 'run', run: this.#id, steps, last: call.last };
        };
        this.#thread.add({
            get bytes() {
                return call.bytes;
            },
            start,
            note: ({ results }) => answerSteps(call, results),
            end: (told) => this.#end(call, told),
        });
        return call;
    }

    #ask(last, caller) {
        const flying = this.#flying.findLast((call) => call.last);
        const latest = this.#flying.findLast((call) => call.last || call.changes);
        if (caller.addsNothing && flying && flying === latest && this.#queued.size === 0) {
            // It gets the outcome of the flush in flight, which has every change made before.
            flying.askers.push({ caller, step: undefined, isRider: true });
            return;
        }
        caller.before = flying?.outcome;
        if (last.name === 'close' && this.#next?.last?.name === 'close') {
            this.#next.askers.push({ caller, step: undefined, isRider: true });
            return;
        }
        const call = this.#call(0);
        call.demote();
        call.last = last;
        call.askers.push({ caller, step: undefined });
    }

    /** For one that joined a request for which no flush was made. */
    #askAgain(caller) {
        const problem = this.#problem();
        if (problem) {
            caller.refuse(problem);
        } else {
            this.#ask({ name: 'schedule', request: NOTHING }, caller);
        }
    }

    #end(call, { results, refused, flushes = [], againMs, stats }) {
        this.#flying.splice(this.#flying.indexOf(call), 1);
        answerSteps(call, results);
        const { askers } = call;
        // Nobody needs them any more, and what is told of the call may be kept for long.
        call.askers = [];
        call.steps = [];
        const waiting = this.#parked;
        for (const { caller, step, isRider } of askers) {
            const isLost = isRider && flushes.length === 0;
            if (isLost && refused?.kind !== 'closed') {
                // What it joined was no flush.
                this.#askAgain(caller);
                continue;
            }
            const error = step === undefined ? (!isRider || isLost) && refused : results[step].error;
            if (error) {
                caller.refuse(errorOf(error));
                continue;
            }
            this.#counts.requests += call.last.name !== 'close' || step !== undefined ? 1 : 0;
            waiting.push(caller);
        }
        if (flushes.length === 0) {
            if (call.isOfTimer) {
                this.#setTimer(0);
            }
            return;
        }
        this.#parked = flushes.reduce((callers, flush) => this.#settle(callers, flush), waiting);
        call.outcome.receipt = flushes.findLast(({ ok }) => ok)?.ok;
        this.#isClosed ||= call.last.name === 'close' && !flushes[0].error;
        if (this.#isClosed) {
            this.#lastStats ??= stats;
            this.#pool.isOver(this);
        }
        if (againMs === undefined) {
            this.#parked.splice(0).forEach((caller) => caller.end());
        }
        if (this.#isDropped) {
            this.#parked.splice(0).forEach((caller) => caller.refuse(dropped()));
            return;
        }
        this.#setTimer(againMs);
    }

    /** Answers those whose flush it was. */
    #settle(callers, flush) {
        const isMet = callers.some((caller) => caller.isMetBy(flush));
        const left = callers.filter((caller) => !caller.take(flush));
        if (flush.taken.manifest || flush.taken.heartbeat) {
            const marks = this.#takeMarks(flush.taken);
            const covered = callers.length - left.length + marks;
            this.#counts.coalesced += Math.max(covered - 1, 0);
            this.#counts.automaticRetries += isMet || marks > 0 ? 0 : 1;
        }
        return left;
    }

    /** @returns {number} how many a flush took that took at least one channel */
    #takeMarks(taken) {
        let count = 0;
        for (const taker of Object.keys(this.#marks)) {
            if (taker === 'either' || taken[taker]) {
                count += this.#marks[taker];
                this.#marks[taker] = 0;
            }
        }
        return count;
    }

    #setTimer(againMs) {
        clearTimeout(this.#timer);
        if (againMs === undefined) {
            return;
        }
        this.#timer = setTimeout(() => {
            if (!this.#pool.problem()) {
                const call = this.#call(0);
                call.last ??= AGAIN;
                call.isOfTimer = true;
            }
        }, Math.min(againMs, LONGEST_TIMER_MS));
        // Only a caller that waits keeps the process alive.
        if (this.#parked.length === 0) {
            this.#timer.unref();
        }
    }
}

function answerSteps(call, results) {
    call.steps.forEach((step, place) => {
        const { ok, error } = results[place];
        if (step.isAnswered) {
            return;
        }
        step.isAnswered = true;
        if (error) {
            step.reject(errorOf(error));
        } else {
            step.resolve(ok);
        }
    });
}

/** The channel whose flush takes a request, if it is not that of either. */
function takerOf({ manifest, heartbeat }) {
    if (manifest === heartbeat) {
        return 'either';
    }
    return manifest ? 'manifest' : 'heartbeat';
}

export function dropped() {
    return new TandemError({ kind: 'closed', message: 'the run was dropped' });
}
