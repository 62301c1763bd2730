// Who waits for which flush.

import { CHANNELS } from './channels.js';
import { errorOf } from './error.js';

/** One that asked for a flush and waits for what it comes to. */
export class Caller {
    #resolve;
    #reject;
    /** The channels that it still waits for, or none: then the next flush is its own. */
    #channels;
    #isForced;
    // What earlier flushes wrote of what it asked for.
    #soFar = {};
    /** What the call comes to that was in flight when this one was made. */
    before = undefined;

    constructor({ resolve, reject }, { manifest = false, heartbeat = false, force = false } = {}) {
        this.#resolve = resolve;
        this.#reject = reject;
        this.#isForced = force;
        this.#channels = manifest || heartbeat ? { manifest, heartbeat } : undefined;
    }

    /** Whether it asks for nothing that was not asked for before. */
    get addsNothing() {
        return !this.#isForced && !this.#channels;
    }

    refuse(error) {
        this.#reject(error);
    }

    /** Whether a flush took something that this one waits for. */
    isMetBy({ taken }) {
        const channels = this.#channels && !this.#isForced ? this.#channels : ALL;
        return CHANNELS.some((channel) => channels[channel] && taken[channel]);
    }

    /**
     * Takes the outcome of a flush, if it is this one's.
     *
     * @returns {boolean} whether the caller is answered
     */
    take(flush) {
        const isMet = this.isMetBy(flush);
        if (!isMet && !this.#isForced) {
            return false;
        }
        if (flush.error) {
            this.#reject(errorOf(flush.error));
            return true;
        }
        if (isMet) {
            this.#note(flush);
        }
        if (!this.#isForced && this.#channels && CHANNELS.some((channel) => this.#channels[channel])) {
            return false;
        }
        this.end();
        return true;
    }

    /** Nothing is left to be written. */
    end() {
        const isEmpty = CHANNELS.every((channel) => this.#soFar[channel] === undefined);
        // Whoever finds nothing to do gets the outcome of what was in flight.
        const receipt = isEmpty ? this.before?.receipt : this.#soFar;
        this.#resolve({ manifest: undefined, heartbeat: undefined, revision: undefined, ...receipt });
    }

    #note({ ok, taken }) {
        for (const [name, value] of Object.entries(ok)) {
            this.#soFar[name] = value ?? this.#soFar[name];
        }
        if (this.#channels) {
            for (const channel of CHANNELS) {
                this.#channels[channel] &&= !taken[channel];
            }
        }
    }
}

const ALL = { manifest: true, heartbeat: true };
