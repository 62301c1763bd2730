// What a run was asked for, and what flushes took of it.

/** Requests that no flush has taken yet, and how many there were. */
export class Asked {
    // Callers who wait for a flush.
    #callers = [];
    // How many did not wait, by what takes what they asked for.
    #marks = { manifest: 0, heartbeat: 0, either: 0 };
    #counts = { requests: 0, coalesced: 0, automaticRetries: 0 };

    /** What the component counts too, which knows only what this package asks it. */
    get counts() {
        return { ...this.#counts };
    }

    get hasCallers() {
        return this.#callers.length > 0;
    }

    /** A request was accepted. */
    count() {
        this.#counts.requests += 1;
    }

    /** A request was accepted that nobody waits for. */
    mark(request) {
        this.count();
        this.#marks[takerOf(request)] += 1;
    }

    /** A caller waits for the next flush that is its own. */
    park(caller) {
        this.#callers.push(caller);
    }

    /** Answers those whose flush it was. */
    settle(flush) {
        const callers = this.#callers;
        const isMet = callers.some((caller) => caller.isMetBy(flush));
        this.#callers = callers.filter((caller) => !caller.take(flush));
        if (flush.taken.manifest || flush.taken.heartbeat) {
            const marks = this.#takeMarks(flush.taken);
            const covered = callers.length - this.#callers.length + marks;
            this.#counts.coalesced += Math.max(covered - 1, 0);
            this.#counts.automaticRetries += isMet || marks > 0 ? 0 : 1;
        }
    }

    /** Nothing is left to be written. */
    end() {
        this.#callers.splice(0).forEach((caller) => caller.end());
    }

    refuse(problem) {
        this.#callers.splice(0).forEach((caller) => caller.refuse(problem()));
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
}

/** The channel whose flush takes a request, if it is not that of either. */
function takerOf({ manifest, heartbeat }) {
    if (manifest === heartbeat) {
        return 'either';
    }
    return manifest ? 'manifest' : 'heartbeat';
}
