import { TandemError } from './error.js';
import { DOCUMENT, PATCH, REQUEST, json, options } from './options.js';

/** An open run. `Tandem.open` makes it. */
export class Run {
    #instance;
    #handle;
    #recovery;
    #document;
    #maxDocumentBytes;
    // The handle is given up when it is dropped and no call uses it.
    #isDropped = false;
    #calls = 0;

    constructor(instance, documents, { handle, recovery, maxDocumentBytes }) {
        this.#instance = instance;
        this.#handle = handle;
        this.#recovery = recovery;
        this.#maxDocumentBytes = maxDocumentBytes;
        this.#document = documents.open(this, recovery.document, maxDocumentBytes);
    }

    get recovery() {
        return this.#recovery;
    }

    async set(document) {
        const text = json(DOCUMENT, document, this.#maxDocumentBytes);
        await this.#document.set(text, () => this.#call((run) => run.setManifest(text)));
    }

    async merge(patch) {
        const text = json(PATCH, patch, this.#maxDocumentBytes);
        await this.#document.merge(text, () => this.#call((run) => run.mergeManifest(text)));
    }

    async schedule(request) {
        const { manifest = false, heartbeat = false, force = false } = options(
            'the request',
            REQUEST,
            request,
        );
        return this.#document.write(() =>
            this.#call((run) => run.schedule({ manifest, heartbeat, force })),
        );
    }

    async flush() {
        return this.#document.write(() => this.#call((run) => run.flush()));
    }

    async close() {
        const receipt = await this.#call((run) => run.close());
        this.#document.forget();
        return receipt;
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

    async #call(make) {
        if (this.#isDropped) {
            throw new TandemError({ kind: 'closed', message: 'the run was dropped' });
        }
        this.#calls += 1;
        try {
            return await this.#instance.call(() => make(this.#handle));
        } finally {
            this.#calls -= 1;
            this.#disposeIfUnused();
        }
    }

    #disposeIfUnused() {
        if (this.#isDropped && this.#calls === 0) {
            this.#instance.dispose(this.#handle);
            this.#handle = null;
            this.#document.forget();
        }
    }
}
