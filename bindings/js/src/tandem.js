import { realpath, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { Documents } from './documents.js';
import { invalidInput } from './error.js';
import { Instance } from './instance.js';
import { bounded, limitsOf } from './limits.js';
import {
    HISTORY_OPTIONS,
    RECORD_OPTIONS,
    RUN_OPTIONS,
    SUMMARY,
    json,
    options,
    string,
    u64,
} from './options.js';
import { Run } from './run.js';
import { wasiFor } from './wasi/index.js';

const CREATE_OPTIONS = {
    required: { dir: path },
    optional: { maxDocumentBytes: u64, maxTotalDocumentBytes: u64, maxHistoryBytes: u64 },
};

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
    #limits;
    #documents;

    constructor(instance, limits = limitsOf()) {
        this.#instance = instance;
        this.#limits = limits;
        this.#documents = new Documents(limits.maxTotalDocumentBytes);
    }

    static async create(given) {
        const { dir, ...limits } = options('the options', CREATE_OPTIONS, given);
        const checked = limitsOf(limits);
        return new Tandem(await Instance.create(wasiFor(await directory(dir))), checked);
    }

    async open(given) {
        const checked = this.#bounded(options('the options', RUN_OPTIONS, given), {
            maxDocumentBytes: this.#limits.maxDocumentBytes,
        });
        const [handle, recovery] = await this.#instance.call(() =>
            this.#instance.persister.Run.open(checked),
        );
        const { maxDocumentBytes } = checked;
        try {
            return new Run(this.#instance, this.#documents, { handle, recovery, maxDocumentBytes });
        } catch (error) {
            this.#instance.dispose(handle);
            throw error;
        }
    }

    async recordRun(summary, given) {
        const checked = this.#bounded(options('the options', RECORD_OPTIONS, given), {
            maxSummaryBytes: this.#limits.maxDocumentBytes,
            maxHistoryBytes: this.#limits.maxHistoryBytes,
        });
        const text = json(SUMMARY, summary, checked.maxSummaryBytes);
        return this.#instance.call(() => this.#instance.coordinator.recordRun(text, checked));
    }

    async history(given) {
        const checked = this.#bounded(options('the options', HISTORY_OPTIONS, given), {
            maxHistoryBytes: this.#limits.maxHistoryBytes,
        });
        return this.#instance.call(() => this.#instance.coordinator.history(checked));
    }

    #bounded(checked, limits) {
        const sizes = Object.entries(limits).map(([name, limit]) => [
            name,
            bounded(name, checked[name], limit),
        ]);
        return { ...checked, ...Object.fromEntries(sizes) };
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
