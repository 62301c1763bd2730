// A lock of a task's history that another keeps, as those who wait for it see it.
//
// Each try writes the summary again, so none is made while the lock stands there. One is made when
// it is gone, when the component has not seen it as it is now, and when its lease is over: the
// component takes a lock over that it has seen unchanged for that long.

import { lstat } from 'node:fs/promises';
import { join } from 'node:path';

const FIRST_PAUSE_MS = 10;
const LAST_PAUSE_MS = 250;
const LEASE_MS = 10_000;
/** The component sees a lock that changed when it has stood for such a part of its lease. */
const UNSEEN_PART = 10;

/** The lock that an error is about, if another keeps it. */
export function lockOf(error) {
    if (error?.kind === 'locked') {
        return { path: error.path, leaseMs: error.holder?.leaseMs ?? LEASE_MS };
    }
    return error?.beside?.code === 'locked' ? { path: error.beside.path, leaseMs: LEASE_MS } : undefined;
}

export class Lock {
    /** Who waits for it, the first comer first. */
    waiting = [];
    #place;
    #leaseMs = LEASE_MS;
    #pauseMs = FIRST_PAUSE_MS;
    // Its state when it was last looked at, and since when that is so.
    #state;
    #sinceMs;
    // The state that the component saw, and when.
    #seen = { state: undefined, atMs: 0 };
    #before;
    #timer;

    /** @param {string} root the directory that the lock's path is relative to */
    constructor(root, path) {
        this.#place = join(root, path);
    }

    add(wanted) {
        const last = this.waiting.at(-1);
        this.waiting.push(wanted);
        if (last?.number > wanted.number) {
            this.waiting.sort((one, other) => one.number - other.number);
        }
    }

    /** Somebody is tried now. */
    isTried() {
        this.#before = this.#state;
    }

    /** A try met it. `tryNow` is called when another one makes sense. */
    async isMet(leaseMs, tryNow) {
        this.#leaseMs = leaseMs;
        const state = await this.#look();
        if (state !== undefined && state === this.#before) {
            this.#seen = { state, atMs: performance.now() };
        }
        this.#wait(tryNow);
    }

    /** Nobody waits for it any more. */
    end() {
        clearTimeout(this.#timer);
        this.#timer = null;
    }

    #wait(tryNow) {
        if (this.#timer === null) {
            return;
        }
        clearTimeout(this.#timer);
        const pauseMs = this.#pauseMs * (0.5 + Math.random());
        this.#pauseMs = Math.min(2 * this.#pauseMs, LAST_PAUSE_MS);
        const firstDeadline = this.waiting.reduce((first, { deadline }) => Math.min(first, deadline), Infinity);
        const untilMs = Math.min(pauseMs, firstDeadline - performance.now());
        this.#timer = setTimeout(async () => {
            await this.#look();
            if (this.#isToBeTried() || this.waiting.some(({ deadline }) => deadline <= performance.now())) {
                tryNow();
            } else {
                this.#wait(tryNow);
            }
        }, Math.max(untilMs, 0));
    }

    #isToBeTried() {
        const now = performance.now();
        if (this.#state === undefined) {
            return true;
        }
        return this.#state === this.#seen.state
            ? now - this.#seen.atMs >= this.#leaseMs
            : now - this.#sinceMs >= this.#leaseMs / UNSEEN_PART;
    }

    async #look() {
        let state;
        try {
            const { ino, mtimeNs } = await lstat(this.#place, { bigint: true });
            state = `${ino} ${mtimeNs}`;
        } catch {
            // It is gone, or the next try tells what is wrong.
        }
        if (state !== this.#state) {
            this.#state = state;
            this.#sinceMs = performance.now();
            // It changes hands, so it may soon be free.
            this.#pauseMs = FIRST_PAUSE_MS;
        }
        return state;
    }
}
