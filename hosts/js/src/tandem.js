import { realpath, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { invalidInput } from './error.js';
import { Instance } from './instance.js';
import {
    HISTORY_OPTIONS,
    RECORD_OPTIONS,
    RUN_OPTIONS,
    SUMMARY,
    json,
    options,
    string,
} from './options.js';
import { Run } from './run.js';
import { wasiFor } from './wasi/index.js';

const CREATE_OPTIONS = { required: { dir: path }, optional: {} };

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
        const { dir } = options('the options', CREATE_OPTIONS, given);
        return new Tandem(await Instance.create(wasiFor(await directory(dir))));
    }

    async open(given) {
        const checked = options('the options', RUN_OPTIONS, given);
        const [handle, recovery] = await this.#instance.call(() =>
            this.#instance.persister.Run.open(checked),
        );
        return new Run(this.#instance, handle, recovery, checked.maxDocumentBytes);
    }

    async recordRun(summary, given) {
        const checked = options('the options', RECORD_OPTIONS, given);
        const text = json(SUMMARY, summary, checked.maxSummaryBytes);
        return this.#instance.call(() => this.#instance.coordinator.recordRun(text, checked));
    }

    async history(given) {
        const checked = options('the options', HISTORY_OPTIONS, given);
        return this.#instance.call(() => this.#instance.coordinator.history(checked));
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
