// The threads of one Tandem, and its open runs.

import process from 'node:process';

import { isDurable } from './durable.js';
import { TandemError, componentFailed, errorOf } from './error.js';
import { flushBeforeExit, forget } from './exit.js';
import { OpenRun } from './open-run.js';
import { Recorder } from './recorder.js';
import { Thread } from './thread.js';

/** One more thread is started when each has as many open runs. */
const RUNS_PER_THREAD = 4;

/** In Deno a file that one thread has open is unknown to another. */
const SHARES_FILES = process.versions.deno === undefined;

const RUNS_ROOT = '.runs';

/** Where a run is. The component holds that no run is open twice; here it is found by this. */
function placeOf({ runsRoot = RUNS_ROOT, taskId }, runId) {
    return `${runsRoot}/${taskId}/cli/${runId}`;
}

export class Pool {
    #data;
    #threadsMax;
    /** @type {Thread[]} */
    #threads = [];
    // How many runs each of them has.
    #loads = new Map();
    #recorder;
    #runs = new Set();
    // Of runs that are being opened, when that is over.
    #opening = new Map();
    // Of each place, the thread that has its run, and how many opened it or try to.
    #homes = new Map();
    // Places that are being removed, and when that is over.
    #removing = new Map();
    #lastRun = 0;
    #failure;
    #closing;
    // `close` makes calls of its own.
    #isAsking = false;
    // A thread could not be started: the next run goes to one that there is.
    #isShort = false;
    #isOrphan = false;
    // How many calls are under way that are about no open run.
    #calls = 0;

    /**
     * @param {{root: string, known: {dev: bigint, ino: bigint}, umask: number, limits: object, faults?: object}} data what each thread
     * is told
     * @param {number} threadsMax how many there may be for runs
     */
    constructor(data, threadsMax) {
        this.#data = data;
        this.#threadsMax = threadsMax;
        this.#recorder = new Recorder(data.root, (onNoStart) => this.#newThread({ hasWriter: SHARES_FILES, onNoStart }));
        flushBeforeExit(this);
    }

    get limits() {
        return this.#data.limits;
    }

    /** Why nothing can be called any more. */
    problem() {
        if (this.#failure) {
            return componentFailed(this.#failure.why);
        }
        return this.#closing && !this.#isAsking ? new TandemError({ kind: 'closed', message: 'the Tandem is closed' }) : undefined;
    }

    /** Fails with what the component refuses its limits with. */
    async start() {
        try {
            await this.#threadFor().ready();
        } catch (refused) {
            await this.end();
            throw errorOf(refused);
        }
    }

    /** @returns {Promise<{run: OpenRun, recovery: object}>} */
    async openRun(options) {
        const place = placeOf(options, options.runId);
        while (this.#removing.has(place)) {
            await this.#removing.get(place);
            this.#check();
        }
        this.#check();
        const home = this.#homes.get(place) ?? this.#newHome();
        this.#homes.set(place, home);
        home.count += 1;
        if (SHARES_FILES && isDurable(options)) {
            home.thread.help();
        }
        this.#lastRun += 1;
        const run = new OpenRun(this, home.thread, this.#lastRun);
        run.place = place;
        try {
            const opened = new Promise((resolve, reject) => {
                run.reject = reject;
                this.#runs.add(run);
                home.thread.add({
                    bytes: 0,
                    start: () => ({ kind: 'open', run: run.id, options }),
                    end: ({ ok, error }) => (error ? reject(errorOf(error)) : resolve(ok)),
                });
            });
            this.#opening.set(run, opened);
            return { run, recovery: await opened };
        } catch (error) {
            this.isGone(run);
            throw error;
        } finally {
            this.#opening.delete(run);
        }
    }

    record(text, bytes, options) {
        this.#check();
        return this.#during(this.#recorder.record(text, bytes, options));
    }

    /** Removes runs, but for those that are open here: the component that removes does not know them. */
    async remove(ids, options) {
        this.#check();
        let open;
        let end;
        const places = new Set(ids.map((id) => placeOf(options, id)));
        const start = () => {
            open = ids.filter((id) => this.#homes.has(placeOf(options, id)));
            const ended = new Promise((resolve) => {
                end = () => {
                    places.forEach((place) => this.#removing.delete(place));
                    resolve();
                };
            });
            places.forEach((place) => this.#removing.set(place, ended));
            return { runs: ids.filter((id) => !open.includes(id)), options };
        };
        const removed = await this.#during(this.#recorder.remove(start, () => end?.(), ids, options));
        const left = [...removed.left, ...open.map((runId) => ({ runId, reason: 'open', failure: undefined }))];
        const order = (one, other) => ids.indexOf(one.runId) - ids.indexOf(other.runId);
        return { ...removed, left: left.sort(order) };
    }

    history(options) {
        this.#check();
        return this.#during(this.#recorder.history(options));
    }

    /** Nobody needs to have the Tandem while a call of it is under way. */
    async #during(call) {
        this.#calls += 1;
        try {
            return await call;
        } finally {
            this.#calls -= 1;
            this.#endOrphan();
        }
    }

    /** A run is closed or dropped: it has no place any more. */
    isOver(run) {
        const home = this.#homes.get(run.place);
        if (home && !run.hasLeft) {
            run.hasLeft = true;
            home.count -= 1;
            if (home.count === 0) {
                this.#homes.delete(run.place);
                if (this.#loads.has(home.thread)) {
                    this.#loads.set(home.thread, this.#loads.get(home.thread) - 1);
                }
            }
        }
    }

    /** A run is dropped, or was not opened: nothing is called of it any more. */
    isGone(run) {
        this.isOver(run);
        this.#runs.delete(run);
        this.#endOrphan();
    }

    /** Flushes what was changed since this was called last. */
    flushTouched() {
        for (const run of this.#runs) {
            if (run.isTouched && !run.isClosed && !this.problem()) {
                // Nobody is left to be told but whoever reads what the process prints.
                run.flush().catch((error) => process.emitWarning(error));
                run.isTouched = false;
            }
        }
    }

    /** Closes every run, waits for what is being recorded, and ends the threads. */
    close() {
        this.#closing ??= this.#failure ? Promise.reject(this.problem()) : this.#close();
        return this.#closing;
    }

    async #close() {
        const closing = [...this.#runs].map((run) => {
            const opened = this.#opening.get(run);
            if (!opened) {
                return run.close();
            }
            // Whoever opens it is told if that fails.
            return opened.then(() => this.#closeLate(run), () => {});
        });
        const recorded = this.#recorder.end();
        const outcomes = await Promise.allSettled(closing);
        await recorded;
        await this.end();
        if (this.#failure) {
            throw this.problem();
        }
        const failures = outcomes.filter(({ status }) => status === 'rejected').map(({ reason }) => reason);
        if (failures.length > 1) {
            const cause = new AggregateError(failures, `${failures.length} runs could not be closed`);
            throw new TandemError({ ...failures[0], message: failures[0].message }, { cause });
        }
        if (failures.length === 1) {
            throw failures[0];
        }
    }

    /** Closes a run that was being opened when `close` was called. */
    #closeLate(run) {
        if (this.#failure) {
            return undefined;
        }
        this.#isAsking = true;
        try {
            return run.close();
        } finally {
            this.#isAsking = false;
        }
    }

    /** Nobody has the Tandem any more: its threads end when nobody has a run. */
    abandon() {
        this.#isOrphan = true;
        this.#endOrphan();
    }

    #endOrphan() {
        if (this.#isOrphan && this.#runs.size + this.#calls === 0 && !this.problem()) {
            this.close().catch(() => {});
        }
    }

    async end() {
        forget(this);
        await Promise.all(this.#threads.splice(0).map((thread) => thread.end()));
    }

    #check() {
        const problem = this.problem();
        if (problem) {
            throw problem;
        }
    }

    #newHome() {
        const thread = this.#threadFor();
        this.#loads.set(thread, (this.#loads.get(thread) ?? 0) + 1);
        return { thread, count: 0 };
    }

    /** The thread for one more run. */
    #threadFor() {
        const load = (thread) => this.#loads.get(thread) ?? 0;
        const least = this.#threads.reduce((one, other) => (one && load(one) <= load(other) ? one : other), undefined);
        const isFull = !least || load(least) >= RUNS_PER_THREAD;
        if (!isFull || this.#threads.length === this.#threadsMax || (least && this.#isShort)) {
            this.#isShort = false;
            return least;
        }
        const onNoStart = (gone) => {
            this.#threads = this.#threads.filter((thread) => thread !== gone);
            this.#loads.delete(gone);
            this.#isShort = true;
        };
        try {
            const thread = this.#newThread({ onNoStart });
            this.#threads.push(thread);
            return thread;
        } catch (error) {
            if (least) {
                return least;
            }
            throw error;
        }
    }

    #newThread(options) {
        return new Thread(this.#data, { ...options, onFailure: (why) => this.#fail(why) });
    }

    #fail(why) {
        if (this.#failure) {
            return;
        }
        this.#failure = { why };
        const problem = () => this.problem();
        for (const run of this.#runs) {
            run.reject(problem());
            run.fail(problem);
        }
        this.#recorder.fail(problem);
        // `close` waits for the end, and tells it.
        this.end().catch(() => {});
    }
}
