// What the thread of a run is to be told, and what it has been told and not answered yet.

import { errorOf } from './error.js';

/** Calls that change nothing. */
export const LOOKS = ['read', 'stats'];
/** What a call ends with that asks for nothing more: what is due is flushed. */
export const AGAIN = { name: 'again' };
export const FORCED = { manifest: false, heartbeat: false, force: true };

/** What the texts of one call of the thread may have, unless a single one has more. */
const TEXTS_BYTES_MAX = 16 << 20;

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

    /** What the thread is told of the steps; `put` takes their texts. */
    told(put) {
        return this.steps.map(({ name, value, bytes, isAnsweredFirst }) => ({
            name,
            value: bytes > 0 ? put(value, bytes) : value,
            isAnsweredFirst,
        }));
    }

    answer(results) {
        this.steps.forEach((step, place) => {
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
}

export class Calls {
    #thread;
    #id;
    #end;
    // The call that takes more steps, until the thread is told.
    #open;
    #flying = [];
    // What the thread has not been told yet: the open call, and those that are full.
    #queued = new Set();

    /**
     * @param {number} id the run, as the thread knows it
     * @param {(call: Call, told: object) => void} end what follows a call whose steps are answered
     */
    constructor(thread, id, end) {
        this.#thread = thread;
        this.#id = id;
        this.#end = end;
    }

    /** The last flush that was told to the thread and is not over. */
    get flight() {
        return this.#flying.findLast((call) => call.last);
    }

    /** That flush, if it has every change that was made so far. */
    get covering() {
        const latest = this.#flying.findLast((call) => call.last || call.changes);
        return latest?.last && this.#queued.size === 0 ? latest : undefined;
    }

    /** The call that takes more steps, if there is one. */
    get open() {
        return this.#open;
    }

    /** What comes next is of another call. */
    cut() {
        this.#open = undefined;
    }

    /** The call that takes more steps, and this many bytes of texts. */
    next(bytes) {
        const isFull = this.#open?.bytes > 0 && this.#open.bytes + bytes > TEXTS_BYTES_MAX;
        // What is called after a close is refused, or meets a run that stayed open.
        if (!this.#open || isFull || this.#open.last?.name === 'close') {
            this.#open = this.#add();
        }
        this.#open.bytes += bytes;
        return this.#open;
    }

    /** The thread is gone. */
    fail(problem) {
        for (const { steps, askers } of [...this.#flying.splice(0), ...this.#queued]) {
            steps.forEach(({ reject }) => reject(problem()));
            askers.forEach(({ caller }) => caller.refuse(problem()));
        }
        this.#queued.clear();
        this.cut();
    }

    #add() {
        const call = new Call();
        this.#queued.add(call);
        const start = (put) => {
            this.#queued.delete(call);
            this.#flying.push(call);
            if (this.#open === call) {
                this.cut();
            }
            return { kind: 'run', run: this.#id, steps: call.told(put), last: call.last };
        };
        const end = (told) => {
            this.#flying.splice(this.#flying.indexOf(call), 1);
            call.answer(told.results);
            this.#end(call, told);
        };
        this.#thread.add({
            get bytes() {
                return call.bytes;
            },
            start,
            note: ({ results }) => call.answer(results),
            end,
        });
        return call;
    }
}
