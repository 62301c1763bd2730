/**
 * Starts calls, each when the texts in flight leave enough bytes for its own: a text is in the
 * component's memory, which never shrinks, before the component can count it.
 *
 * Calls with a text start in their order. A call without one waits only for earlier calls of its
 * run.
 */
export class InFlight {
    #freeBytes;
    // Calls with a text, each with its followers: those without one that have to wait for it.
    #waiting = [];
    // Of each run, the last call that waits with a text.
    #lastOf = new Map();

    /** @param {number} bytes what the texts of calls in flight may have together */
    constructor(bytes) {
        this.#freeBytes = bytes;
    }

    /**
     * Starts a call, now or later.
     *
     * @param {{bytes: number, run?: object, start: () => void}} call calls of one run start in
     * their order; `start` must not throw
     */
    enter(call) {
        if (call.bytes > 0) {
            const last = { call, followers: [] };
            this.#waiting.push(last);
            if (call.run) {
                this.#lastOf.set(call.run, last);
            }
            this.#startWaiting();
        } else if (this.#lastOf.has(call.run)) {
            this.#lastOf.get(call.run).followers.push(call);
        } else {
            call.start();
        }
    }

    /** Takes note that a call that was started is over. */
    leave({ bytes }) {
        this.#freeBytes += bytes;
        this.#startWaiting();
    }

    /** Forgets the calls that wait. */
    clear() {
        this.#waiting = [];
        this.#lastOf.clear();
    }

    #startWaiting() {
        while (this.#waiting.length > 0 && this.#waiting[0].call.bytes <= this.#freeBytes) {
            const first = this.#waiting.shift();
            const { call, followers } = first;
            if (this.#lastOf.get(call.run) === first) {
                this.#lastOf.delete(call.run);
            }
            this.#freeBytes -= call.bytes;
            for (const { start } of [call, ...followers]) {
                start();
            }
        }
    }
}
