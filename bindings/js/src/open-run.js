// An open run, as the main thread knows it: who waits for what, and when to ask again.
//
// The rules of flushes are the component's. Here callers are parked until a flush took what they
// asked for (`asked.js`), calls that wait for the thread are put together (`calls.js`), and the
// component is asked again when it said that this makes sense.

import { Asked } from './asked.js';
import { Caller } from './callers.js';
import { AGAIN, Calls, FORCED, LOOKS } from './calls.js';
import { TandemError, errorOf } from './error.js';

/** A longer timer fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const NOTHING = { manifest: false, heartbeat: false, force: false };
const EMPTY = { manifest: undefined, heartbeat: undefined, revision: undefined };

export class OpenRun {
    #pool;
    #thread;
    #id;
    #calls;
    #asked = new Asked();
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

    /** Whether something was called since the process was last about to end. */
    isTouched = false;

    constructor(pool, thread, id) {
        this.#pool = pool;
        this.#thread = thread;
        this.#id = id;
        this.#calls = new Calls(thread, id, (call, told) => this.#end(call, told));
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
            if (LOOKS.includes(name) && this.#calls.open?.last) {
                // It looks at what the flush before it left.
                this.#calls.cut();
            }
            const call = this.#calls.next(bytes);
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
                this.#asked.mark(request);
                resolve();
            };
            const call = this.#calls.next(0);
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
        return { ...stats, ...this.#asked.counts };
    }

    /** Gives the run up. Calls that are under way end first. */
    drop() {
        if (this.#isDropped) {
            return;
        }
        this.#isDropped = true;
        this.#calls.cut();
        this.#setTimer(undefined);
        this.#asked.refuse(dropped);
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
        this.#calls.fail(problem);
        this.#endDropping?.();
        this.#asked.refuse(problem);
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

    #ask(last, caller) {
        const { covering, flight, open } = this.#calls;
        if (caller.addsNothing && covering) {
            // It gets the outcome of the flush in flight, which has every change made before.
            covering.askers.push({ caller, step: undefined, isRider: true });
            return;
        }
        caller.before = flight?.outcome;
        if (last.name === 'close' && open?.last?.name === 'close') {
            open.askers.push({ caller, step: undefined, isRider: true });
            return;
        }
        const call = this.#calls.next(0);
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
        const { askers } = call;
        // Nobody needs them any more, and what is told of the call may be kept for long.
        call.askers = [];
        call.steps = [];
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
            if (call.last.name !== 'close' || step !== undefined) {
                this.#asked.count();
            }
            this.#asked.park(caller);
        }
        if (flushes.length === 0) {
            if (call.isOfTimer) {
                this.#setTimer(0);
            }
            return;
        }
        flushes.forEach((flush) => this.#asked.settle(flush));
        call.outcome.receipt = flushes.findLast(({ ok }) => ok)?.ok;
        this.#isClosed ||= call.last.name === 'close' && !flushes[0].error;
        if (this.#isClosed) {
            this.#lastStats ??= stats;
            this.#pool.isOver(this);
        }
        if (againMs === undefined) {
            this.#asked.end();
        }
        if (this.#isDropped) {
            this.#asked.refuse(dropped);
            return;
        }
        this.#setTimer(againMs);
    }

    #setTimer(againMs) {
        clearTimeout(this.#timer);
        if (againMs === undefined) {
            return;
        }
        this.#timer = setTimeout(() => {
            if (!this.#pool.problem()) {
                const call = this.#calls.next(0);
                call.last ??= AGAIN;
                call.isOfTimer = true;
            }
        }, Math.min(againMs, LONGEST_TIMER_MS));
        // Only a caller that waits keeps the process alive.
        if (!this.#asked.hasCallers) {
            this.#timer.unref();
        }
    }
}

export function dropped() {
    return new TandemError({ kind: 'closed', message: 'the run was dropped' });
}
