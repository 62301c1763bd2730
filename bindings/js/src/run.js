import { TandemError, invalidInput } from './error.js';
import { dropped } from './open-run.js';
import { DOCUMENT, PATCH, READ_OPTIONS, REQUEST, json, options } from './options.js';

/** Who may make a run: `Tandem.openRun`. */
export const opener = Symbol('opener');

const BYTE_ORDER_MARK = /^\uFEFF/;

// A run that nobody has any more is closed.
const garbage = new FinalizationRegistry((run) => run.abandon());

/** An open run. `Tandem.openRun` makes it. */
export class Run {
    #run;
    #recovery;
    #maxDocumentBytes;

    constructor(key, { run, recovery, maxDocumentBytes } = {}) {
        if (key !== opener) {
            throw invalidInput('a run is opened by tandem.openRun(), not made by new Run()');
        }
        this.#run = run;
        this.#recovery = recoveryOf(recovery);
        this.#maxDocumentBytes = maxDocumentBytes;
        garbage.register(this, run, run);
    }

    get recovery() {
        return this.#recovery;
    }

    async set(document) {
        const { text, bytes } = json(DOCUMENT, document, this.#maxDocumentBytes);
        return this.#run.step('set', text, bytes);
    }

    async merge(patch) {
        const { text, bytes } = json(PATCH, patch, this.#maxDocumentBytes);
        return this.#run.step('merge', text, bytes);
    }

    async written(given = {}) {
        const { text } = options('the options', READ_OPTIONS, given);
        const read = await this.#run.step('read');
        return read === undefined || text ? read : parsed(read, this.#recovery.directory);
    }

    async mark(request = {}) {
        return this.#run.mark(options('the request', REQUEST, request));
    }

    async schedule(request = {}) {
        return this.#run.schedule(options('the request', REQUEST, request));
    }

    async flush() {
        return this.#run.flush();
    }

    async close() {
        if (this.#run.isDropped) {
            throw dropped();
        }
        return this.#run.close();
    }

    async stats() {
        return this.#run.stats();
    }

    drop() {
        garbage.unregister(this.#run);
        this.#run.drop();
    }

    async [Symbol.asyncDispose]() {
        if (!this.#run.isDropped && !this.#run.isClosed) {
            await this.#run.close();
        }
    }
}

/** What a file holds that anybody may have written. */
function parsed(text, directory) {
    try {
        return JSON.parse(text.replace(BYTE_ORDER_MARK, ''));
    } catch (error) {
        const message = `the manifest in ${directory} is no JSON: ${error.message}`;
        const fields = { kind: 'storage', channel: 'manifest', operation: 'read', code: 'illegal-byte-sequence', message };
        throw new TandemError(fields, { cause: error });
    }
}

/** The recovery, with the document as an object, and as the text that was found. */
function recoveryOf({ document: text, ...recovery }) {
    let document;
    return Object.freeze({
        ...recovery,
        documentText: text,
        get document() {
            // Parsed when somebody asks for it.
            document ??= text === undefined ? undefined : JSON.parse(text);
            return document;
        },
    });
}
