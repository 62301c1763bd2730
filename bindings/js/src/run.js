import { TandemError } from './error.js';
import { textLimit } from './limits.js';
import { DOCUMENT, PATCH, REQUEST, json, options } from './options.js';

/** An open run. `Tandem.openRun` makes it. */
export class Run {
    #instance;
    #handle;
    #recovery;
    #maxDocumentBytes;
    // The handle is given up when it is dropped and no call uses it.
    #isDropped = false;
    #calls = 0;

    constructor(instance, { handle, recovery, maxDocumentBytes }) {
        this.#instance = instance;
        this.#handle = handle;
        this.#recovery = recovery;
        this.#maxDocumentBytes = textLimit(maxDocumentBytes, instance.limits.maxDocumentBytes);
    }

    get recovery() {
        return this.#recovery;
    }

    async set(document) {
        const { text, bytes } = json(DOCUMENT, document, this.#maxDocumentBytes);
        return this.#call((run) => run.set(text), bytes);
    }

    async merge(patch) {
        const { text, bytes } = json(PATCH, patch, this.#maxDocumentBytes);
        return this.#call((run) => run.merge(text), bytes);
    }

    async mark(request) {
        const checked = options('the request', REQUEST, request);
        return this.#call((run) => run.mark(checked));
    }

    async schedule(request) {
        const checked = options('the request', REQUEST, request);
        return this.#call((run) => run.schedule(checked));
    }

    async flush() {
        return this.#call((run) => run.flush());
    }

    async close() {
        return this.#call((run) => run.close());
    }

    async stats() {
        return this.#call((run) => run.stats());
    }

    drop() {
        this.#isDropped = true;
        this.#disposeIfUnused();
    }

    async [Symbol.asyncDispose]() {
        await this.close();
    }

    async #call(make, bytes) {
        if (this.#isDropped) {
            throw new TandemError({ kind: 'closed', message: 'the run was dropped' });
        }
        this.#calls += 1;
        try {
            return await this.#instance.call(() => make(this.#handle), { run: this, bytes });
        } finally {
            this.#calls -= 1;
            this.#disposeIfUnused();
        }
    }

    #disposeIfUnused() {
        if (this.#isDropped && this.#calls === 0) {
            this.#instance.dispose(this.#handle);
            this.#handle = null;
        }
    }
}
