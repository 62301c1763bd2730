import { realpath, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { invalidInput } from './error.js';
import { Instance } from './instance.js';
import { limitsOf, textLimit } from './limits.js';
import {
    HISTORY_OPTIONS,
    LIMITS,
    RECORD_OPTIONS,
    REMOVE_OPTIONS,
    RUN_OPTIONS,
    SUMMARY,
    json,
    options,
    string,
} from './options.js';
import { Run } from './run.js';
import { wasiFor } from './wasi/index.js';

const CREATE_OPTIONS = { ...LIMITS, required: { dir: path } };

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

/** One instance of the component, which can touch one directory and nothing else. */
export class Tandem {
    #instance;

    constructor(instance) {
        this.#instance = instance;
    }

    static async create(given) {
        const { dir, ...limits } = options('the options', CREATE_OPTIONS, given);
        const checked = limitsOf(limits);
        return new Tandem(await Instance.create(wasiFor(await directory(dir)), checked));
    }

    async openRun(given) {
        const checked = options('the options', RUN_OPTIONS, given);
        const [handle, recovery] = await this.#instance.call(() =>
            this.#instance.runs.Run.open(checked),
        );
        const { maxDocumentBytes } = checked;
        return new Run(this.#instance, { handle, recovery, maxDocumentBytes });
    }

    async recordRun(summary, given = {}) {
        const checked = options('the options', RECORD_OPTIONS, given);
        const { maxDocumentBytes } = this.#instance.limits;
        const maxBytes = textLimit(checked.maxSummaryBytes, maxDocumentBytes);
        const { text, bytes } = json(SUMMARY, summary, maxBytes);
        return this.#instance.record(() => this.#instance.histories.recordRun(text, checked), bytes);
    }

    async removeRuns(runs, given) {
        const checked = options('the options', REMOVE_OPTIONS, given);
        if (!Array.isArray(runs)) {
            throw invalidInput('runs is no array');
        }
        const ids = Array.from(runs, (run) => string('run id', run));
        return this.#instance.call(() => this.#instance.histories.removeRuns(ids, checked));
    }

    async history(given) {
        const checked = options('the options', HISTORY_OPTIONS, given);
        return this.#instance.call(() => this.#instance.histories.history(checked));
    }
}

/** The real path of a directory that exists, so that a later change of the working directory moves nothing. */
async function directory(dir) {
    try {
        const real = await realpath(dir);
        if ((await stat(real)).isDirectory()) {
            return real;
        }
    } catch (error) {
        throw invalidInput(`dir cannot be used: ${error.message}`, { cause: error });
    }
    throw invalidInput(`dir is no directory: ${dir}`);
}
