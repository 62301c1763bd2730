// What needs the lock of a task's history, in a thread of its own.
//
// The component is told not to wait for a lock: it would keep everybody else waiting. Who meets one
// waits here, by a timer, for as long as the caller said. Of those who wait for the same lock only
// one is tried, and when it got the lock, all the others go in one list.
//
// What is about one run is done in the order in which it was asked for, also when a lock that some
// of it waits for goes away meanwhile.

import { errorOf } from './error.js';
import { Lock, lockOf } from './lock.js';

/** As many as share one read, merge and write of a history. */
const LIST_MAX = 64;
const LIST_BYTES_MAX = 64 << 20;
const LOCK_WAIT_MS = 30_000n;
const LONGEST_WAIT_MS = 2 ** 31 - 1;
const RUNS_ROOT = '.runs';

let lastNumber = 0;

/** One that wants a lock, and until when. */
class Wanted {
    /** In which order it was asked for. */
    number = (lastNumber += 1);
    #lockWaitMs;
    #about;
    deadline = undefined;

    constructor({ start, end, bytes = 0, key, about, resolve, reject }, lockWaitMs) {
        Object.assign(this, { start, end, bytes, key, resolve, reject });
        this.#about = about;
        this.#lockWaitMs = Math.min(Number(lockWaitMs), LONGEST_WAIT_MS);
    }

    /** The thread is told: from now on the lock is wanted. */
    isWanted() {
        this.deadline ??= performance.now() + this.#lockWaitMs;
    }

    /** The lock that it needs, and the runs that it is about. */
    get about() {
        if (typeof this.#about === 'function') {
            this.#about = this.#about();
        }
        return this.#about;
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
            const about = () => aboutSummary(text, options);
            const wanted = { start: () => ({ text, options }), bytes, key, about, resolve, reject };
            this.#add([new Wanted(wanted, lockWaitMs)]);
        });
    }

    /**
     * @param {() => {runs: string[], options: object}} start called before each try
     * @param {() => void} end called after it
     * @param {string[]} ids
     */
    remove(start, end, ids, { lockWaitMs = LOCK_WAIT_MS, ...options }) {
        const about = { path: lockPath(options.taskId, options), runs: ids };
        return new Promise((resolve, reject) => {
            this.#add([new Wanted({ start, end, about, resolve, reject }, lockWaitMs)]);
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
        for (const { end, reject } of all) {
            end?.();
            reject(problem());
        }
        this.#onIdle.splice(0).forEach((resolve) => resolve());
        this.#thread?.end();
    }

    #onThread(call) {
        try {
            this.#thread ??= this.#startThread(() => {
                this.#thread = undefined;
            });
        } catch (error) {
            queueMicrotask(() => call.end({ error }));
            return;
        }
        this.#thread.add(call);
    }

    #add(wanted) {
        for (const one of wanted) {
            this.#waiting.push(one);
        }
        if (!this.#isPumping) {
            this.#isPumping = true;
            queueMicrotask(() => {
                this.#isPumping = false;
                this.#pump();
            });
        }
    }

    #pump() {
        let list = [];
        while (!this.#isBusy && list.length === 0 && this.#waiting.length > 0) {
            list = this.#inOrder(this.#list());
        }
        if (list.length === 0) {
            return;
        }
        list.forEach((wanted) => this.#flying.add(wanted));
        this.#isBusy = true;
        const [{ key }] = list;
        this.#onThread({
            bytes: bytesOf(list),
            start: () => {
                list.forEach((wanted) => wanted.isWanted());
                return key === undefined ? removal(list[0]) : records(list);
            },
            end: (told) => this.#ended(list, told.ok && key !== undefined ? told.ok : list.map(() => told)),
        });
    }

    /** Takes those who wait with the same options as the first one, up to the first that has others. */
    #list() {
        const [{ key }] = this.#waiting;
        let bytes = 0;
        const end = this.#waiting.findIndex((wanted, place) => {
            bytes += wanted.bytes;
            const isTooMuch = key === undefined || place === LIST_MAX || bytes > LIST_BYTES_MAX;
            return place > 0 && (wanted.key !== key || isTooMuch);
        });
        return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
    }

    /** Puts in front of each one what is about the same run and waits for a lock. */
    #inOrder(list) {
        let places = list.length;
        let bytes = bytesOf(list);
        return list.flatMap((wanted) => {
            const { path, runs = [] } = this.#locks.size > 0 ? wanted.about : {};
            const lock = this.#locks.get(path);
            const isEarlier = ({ number, about }) =>
                number < wanted.number && about.runs.some((run) => runs.includes(run));
            const earlier = lock?.waiting.filter(isEarlier) ?? [];
            if (earlier.length === 0) {
                return [wanted];
            }
            wanted.isWanted();
            const isAlike = wanted.key !== undefined && earlier.every(({ key }) => key === wanted.key);
            places += earlier.length;
            bytes += bytesOf(earlier);
            if (isAlike && places <= LIST_MAX && bytes <= LIST_BYTES_MAX) {
                lock.waiting = lock.waiting.filter((other) => !earlier.includes(other));
                earlier.forEach((other) => {
                    other.triedFor = path;
                });
                return [...earlier, wanted];
            }
            if (performance.now() < wanted.deadline) {
                // It cannot share their list.
                lock.add(wanted);
                return [];
            }
            return [wanted];
        });
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
                this.#lock(lock.path).add(wanted);
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

function bytesOf(list) {
    return list.reduce((sum, { bytes }) => sum + bytes, 0);
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

/** Where the component keeps the lock of a task. */
function lockPath(taskId, { runsRoot = RUNS_ROOT }) {
    return `${runsRoot}/${taskId}.lock`;
}

/** What a summary is about. One that the component refuses is about nothing. */
function aboutSummary(text, options) {
    try {
        const { taskId, runId } = JSON.parse(text);
        return { path: lockPath(options.taskId ?? taskId, options), runs: [runId] };
    } catch {
        return { path: undefined, runs: [] };
    }
}
