// Waiting, inside a call that blocks its thread.

import { hrtime } from 'node:process';

import { Resource } from './resource.js';

const NS_PER_MS = 1_000_000;
/** Nothing is rung for longer than this without a look at the clock. */
const LONGEST_WAIT_MS = 60_000;

/** What the component waits for. */
export class Pollable extends Resource {
    /** When it will be ready at the latest, if it is about a time. */
    whenNs = undefined;
    /** Rung when it may be ready, if another thread makes it so. */
    bell = undefined;

    ready() {
        return true;
    }

    /** Takes note that the component waits for it. */
    isWaitedFor() {}
}

/** Waits until one of them is ready. Another thread that works for the component rings a bell. */
export function poll(pollables) {
    for (const pollable of pollables) {
        pollable.isWaitedFor();
    }
    for (;;) {
        const bells = new Set(pollables.map(({ bell }) => bell).filter(Boolean));
        // Read before the look, so that no ring is missed.
        const [bell] = bells;
        const heard = bell?.heard();
        const ready = [];
        for (let place = 0; place < pollables.length; place += 1) {
            if (pollables[place].ready()) {
                ready.push(place);
            }
        }
        if (ready.length > 0) {
            return Uint32Array.from(ready);
        }
        wait(pollables, bell, heard);
    }
}

/** The word that a thread waits on when nobody can ring. */
const silence = new Int32Array(new SharedArrayBuffer(4));

function wait(pollables, bell, heard) {
    const times = pollables.map(({ whenNs }) => whenNs).filter((whenNs) => whenNs !== undefined);
    let leftMs = LONGEST_WAIT_MS;
    for (const whenNs of times) {
        leftMs = Math.min(leftMs, Number(whenNs - hrtime.bigint()) / NS_PER_MS);
    }
    leftMs = Math.max(leftMs, 0);
    if (bell) {
        bell.wait(heard, leftMs);
    } else {
        Atomics.wait(silence, 0, 0, leftMs);
    }
}
