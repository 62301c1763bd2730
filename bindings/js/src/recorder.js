// What needs the lock of a task's history, in a thread of its own.
//
// The component is told not to wait for a lock: it would keep everybody else waiting. Who meets one
// waits here, by a timer, for as long as the caller said. Of those who wait for the same lock only
// one is tried, and when it got the lock, all the others go in one list.

import { errorOf } from './error.js';
import { Lock, lockOf } from './lock.js';

/** As many as share one read, merge and write of a history. */
const LIST_MAX = 64;
const LIST_BYTES_MAX = 64 << 20;
const LOCK_WAIT_MS = 30_000n;
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/** One that wants a lock, and until when. */
class Wanted {
    #lockWaitMs;
    deadline = undefined;

    constructor({ start, end, bytes = 0, key, resolve, reject }, lockWaitMs) {
        Object.assign(this, { start, end, bytes, key, resolve, reject });
        this.#lockWaitMs = Math.min(Number(lockWaitMs), LONGEST_WAIT_MS);
    }

    /** The thread is told: from now on the lock is wanted. */
    isWanted() {
        this.deadline ??= performance.now() + this.#lockWaitMs;
    }

    answer({ ok, error }) {
        if (error) {
            this.reject(errorOf(error));
        } else {
            this.resolve(ok);
        }
    }
}

export class Recorder {
    #root;
    #startThread;
    #thread;
    /** @type {Wanted[]} */
    #waiting = [];
    #isBusy = false;
    #isPumping = false;
    /** @type {Map<string, Lock>} */
    #locks = new Map();
    // Who is being recorded or removed.
    #flying = new Set();
    #isEnding = false;
    #onIdle = [];

    /**
     * @param {string} root the directory of the Tandem
     * @param {() => import('./thread.js').Thread} startThread
     */
    constructor(root, startThread) {
        this.#root = root;
        this.#startThread = startThread;
    }

    record(text, bytes, { lockWaitMs = LOCK_WAIT_MS, ...options }) {
        const key = JSON.stringify(options, (_, value) => (typeof value === 'bigint' ? String(value) : value));
        return new Promise((resolve, reject) => {
            const wanted = { start: () => ({ text, options }), bytes, key, resolve, reject };
            this.#add([new Wanted(wanted, lockWaitMs)]);
        });
    }

    /**
     * @param {() => {runs: string[], options: object}} start called before each try
     * @param {() => void} end called after it
     */
    remove(start, end, { lockWaitMs = LOCK_WAIT_MS }) {
        return new Promise((resolve, reject) => {
            this.#add([new Wanted({ start, end, resolve, reject }, lockWaitMs)]);
        });
    }

    history(options) {
        return new Promise((resolve, reject) => {
            const read = { reject };
            const end = ({ ok, error }) => {
                this.#flying.delete(read);
                if (error) {
                    reject(errorOf(error));
                } else {
                    resolve(ok);
                }
                this.#tellIdle();
            };
            this.#flying.add(read);
            this.#onThread({ bytes: 0, start: () => ({ kind: 'history', options }), end });
        });
    }

    /** Ends every wait for a lock after one more try, and waits until nothing is left to do. */
    async end() {
        this.#isEnding = true;
        for (const [path, lock] of this.#locks) {
            this.#release(path, lock);
        }
        if (this.#waiting.length + this.#flying.size > 0) {
            await new Promise((resolve) => this.#onIdle.push(resolve));
        }
        return this.#thread?.end();
    }

    fail(problem) {
        const locked = [...this.#locks.values()];
        locked.forEach((lock) => lock.end());
        this.#locks.clear();
        const all = [...this.#flying, ...this.#waiting, ...locked.flatMap(({ waiting }) => waiting)];
        this.#flying.clear();
        this.#waiting = [];
        all.forEach(({ reject }) => reject(problem()));
        this.#onIdle.splice(0).forEach((resolve) => resolve());
        this.#thread?.end();
    }

    #onThread(call) {
        this.#thread ??= this.#startThread();
        this.#thread.add(call);
    }

    #add(wanted) {
        this.#waiting.push(...wanted);
        if (!this.#isPumping) {
            this.#isPumping = true;
            queueMicrotask(() => {
                this.#isPumping = false;
                this.#pump();
            });
        }
    }

    #pump() {
        if (this.#isBusy || this.#waiting.length === 0) {
            return;
        }
        const list = this.#list();
        this.#waiting = this.#waiting.filter((wanted) => !list.includes(wanted));
        list.forEach((wanted) => this.#flying.add(wanted));
        this.#isBusy = true;
        const [{ key }] = list;
        this.#onThread({
            bytes: list.reduce((sum, { bytes }) => sum + bytes, 0),
            start: () => {
                list.forEach((wanted) => wanted.isWanted());
                return key === undefined ? removal(list[0]) : records(list);
            },
            end: (told) => this.#ended(list, key === undefined ? [told] : told.ok),
        });
    }

    /** Those who wait with the same options as the first one. */
    #list() {
        const [{ key }] = this.#waiting;
        const alike = this.#waiting.filter((wanted) => wanted.key === key);
        let bytes = 0;
        const end = alike.findIndex((wanted, place) => {
            bytes += wanted.bytes;
            return place > 0 && (key === undefined || place === LIST_MAX || bytes > LIST_BYTES_MAX);
        });
        return end < 0 ? alike : alike.slice(0, end);
    }

    #ended(list, outcomes) {
        this.#isBusy = false;
        const met = new Map();
        for (const [place, wanted] of list.entries()) {
            this.#flying.delete(wanted);
            wanted.end?.();
            const outcome = outcomes[place];
            const lock = lockOf(outcome.error);
            if (lock) {
                met.set(lock.path, lock.leaseMs);
            }
            if (lock && !this.#isEnding && performance.now() < wanted.deadline) {
                this.#lock(lock.path).waiting.push(wanted);
            } else {
                wanted.answer(outcome);
            }
        }
        for (const [path, lock] of this.#locks) {
            if (met.has(path) && lock.waiting.length > 0) {
                lock.isMet(met.get(path), () => this.#tryOne(path, lock));
            } else if (list.some(({ triedFor }) => triedFor === path)) {
                // Whoever was tried for the others met no lock, or nobody is left.
                this.#release(path, lock);
            }
        }
        this.#pump();
        this.#tellIdle();
    }

    #tellIdle() {
        if (this.#waiting.length + this.#flying.size + this.#locks.size === 0) {
            this.#onIdle.splice(0).forEach((resolve) => resolve());
        }
    }

    #lock(path) {
        if (!this.#locks.has(path)) {
            this.#locks.set(path, new Lock(this.#root, path));
        }
        return this.#locks.get(path);
    }

    /** Tries the one that waits for the longest time, and those whose time is over. */
    #tryOne(path, lock) {
        if (this.#locks.get(path) !== lock) {
            return;
        }
        const now = performance.now();
        const tried = lock.waiting.filter(({ deadline }, place) => place === 0 || deadline <= now);
        lock.waiting = lock.waiting.filter((wanted) => !tried.includes(wanted));
        tried.forEach((wanted) => {
            wanted.triedFor = path;
        });
        lock.isTried();
        this.#add(tried);
    }

    #release(path, lock) {
        lock.end();
        this.#locks.delete(path);
        this.#add(lock.waiting);
    }
}

function records(list) {
    const started = list.map(({ start }) => start());
    const [{ options }] = started;
    const texts = started.map(({ text }) => text);
    return { kind: 'records', texts, options: { ...options, lockWaitMs: 0n } };
}

function removal({ start }) {
    const { runs, options } = start();
    return { kind: 'remove', runs, options: { ...options, lockWaitMs: 0n } };
}
