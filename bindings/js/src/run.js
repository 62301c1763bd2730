import { invalidInput } from './error.js';
import { DOCUMENT, PATCH, READ_OPTIONS, REQUEST, json, options } from './options.js';

/** Who may make a run: `Tandem.openRun`. */
export const opener = Symbol('opener');

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
        return read === undefined || text ? read : JSON.parse(read);
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
        if (!this.#run.isDropped) {
            await this.#run.close();
        }
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
