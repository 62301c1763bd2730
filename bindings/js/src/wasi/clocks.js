import { hrtime } from 'node:process';

import { Pollable } from './poll.js';

export const monotonicClock = {
    now: () => hrtime.bigint(),
    subscribeInstant: (when) => new TimePollable(when),
};

/** Ready from a time on. */
class TimePollable extends Pollable {
    constructor(whenNs) {
        super();
        this.whenNs = whenNs;
    }

    ready() {
        return hrtime.bigint() >= this.whenNs;
    }
}

export const wallClock = {
    now() {
        const nowMs = Date.now();
        const seconds = Math.floor(nowMs / 1000);
        return { seconds: BigInt(seconds), nanoseconds: (nowMs - seconds * 1000) * 1_000_000 };
    },
};
