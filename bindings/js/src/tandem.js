import { mkdir, readFile, realpath, stat } from 'node:fs/promises';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { invalidInput } from './error.js';
import { limitsOf, textLimit } from './limits.js';
import { modules } from './modules.js';
import {
    HISTORY_OPTIONS,
    LIMITS,
    READ_OPTIONS,
    RECORD_OPTIONS,
    REMOVE_OPTIONS,
    RUN_OPTIONS,
    SUMMARY,
    json,
    options,
    string,
} from './options.js';
import { Pool } from './pool.js';
import { Run, opener } from './run.js';

const CREATE_OPTIONS = { ...LIMITS, required: { dir: path } };
const HISTORY_SHAPE = { ...HISTORY_OPTIONS, flags: READ_OPTIONS.flags };

/** Who may make a Tandem: its own static calls. */
const creator = Symbol('creator');

// One that nobody has any more has no threads.
const garbage = new FinalizationRegistry((pool) => pool.abandon());

function path(name, value) {
    if (value instanceof URL) {
        if (value.protocol !== 'file:') {
            throw invalidInput(`${name} is no file URL: ${value}`);
        }
        return fileURLToPath(value);
    }
    const text = string(name, value);
    if (text === '' || text.includes('\0')) {
        throw invalidInput(`${name} is no path: ${JSON.stringify(text)}`);
    }
    return text;
}

/** The component in its threads, which can touch one directory and nothing else. */
export class Tandem {
    #pool;

    constructor(key, pool) {
        if (key !== creator) {
            throw invalidInput('a Tandem is made by Tandem.open() or Tandem.create(), not by new Tandem()');
        }
        this.#pool = pool;
        garbage.register(this, pool);
    }

    static async open(dir, limits = {}) {
        const given = options('the options', LIMITS, limits);
        const checked = options('the arguments', CREATE_OPTIONS, { dir });
        try {
            await mkdir(checked.dir, { recursive: true });
        } catch (error) {
            throw invalidInput(`dir cannot be made: ${error.message}`, { cause: error });
        }
        return createIn(checked.dir, given);
    }

    static async create(given) {
        const { dir, ...limits } = options('the options', CREATE_OPTIONS, given);
        return createIn(dir, limits);
    }

    async openRun(given) {
        const checked = options('the options', RUN_OPTIONS, given);
        const { run, recovery } = await this.#pool.openRun(checked);
        const maxDocumentBytes = textLimit(checked.maxDocumentBytes, this.#pool.limits.maxDocumentBytes);
        return new Run(opener, { run, recovery, maxDocumentBytes });
    }

    async recordRun(summary, given = {}) {
        const checked = options('the options', RECORD_OPTIONS, given);
        const maxBytes = textLimit(checked.maxSummaryBytes, this.#pool.limits.maxDocumentBytes);
        const { text, bytes } = json(SUMMARY, summary, maxBytes);
        return this.#pool.record(text, bytes, checked);
    }

    async removeRuns(runs, given) {
        const checked = options('the options', REMOVE_OPTIONS, given);
        if (!Array.isArray(runs)) {
            throw invalidInput('runs is no array');
        }
        const ids = Array.from(runs, (run) => string('run id', run));
        return this.#pool.remove(ids, checked);
    }

    async history(given) {
        const { text, ...checked } = options('the options', HISTORY_SHAPE, given);
        const { runs, ...history } = await this.#pool.history(checked);
        return { ...history, runs: text ? runs : runs.map((run) => JSON.parse(run)) };
    }

    async close() {
        await this.#pool.close();
    }

    async [Symbol.asyncDispose]() {
        await this.#pool.close();
    }
}

/** A Tandem for a directory; `faults` names a module that tests have the threads load. */
export async function createIn(dir, limits, faults) {
    const { limits: checked, threads } = limitsOf(limits);
    // Its failure is told by whatever needs the modules.
    modules().catch(() => {});
    const [{ root, known }, mask] = await Promise.all([directory(dir), umask()]);
    const pool = new Pool({ root, known, umask: mask, limits: checked, faults }, threads);
    if (Object.keys(limits).length > 0) {
        // What is wrong with them, the component tells.
        await pool.start();
    }
    return new Tandem(creator, pool);
}

/**
 * The real path of a directory that exists, so that a later change of the working directory moves
 * nothing, and which directory that is: threads that start later use no other.
 */
async function directory(dir) {
    try {
        const root = await realpath(dir);
        const found = await stat(root, { bigint: true });
        if (found.isDirectory()) {
            return { root, known: { dev: found.dev, ino: found.ino } };
        }
    } catch (error) {
        throw invalidInput(`dir cannot be used: ${error.message}`, { cause: error });
    }
    throw invalidInput(`dir is no directory: ${dir}`);
}

/** What the process takes away from the modes of new files. */
async function umask() {
    try {
        // To ask the system changes it for a moment, and another thread may create a file then.
        const status = await readFile('/proc/self/status', 'utf8');
        return Number.parseInt(status.match(/^Umask:\s*(\d+)$/m)[1], 8);
    } catch {
        return process.umask();
    }
}
