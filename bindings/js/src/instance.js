import { readFile } from 'node:fs/promises';

import { instantiate } from '../dist/tandem.js';
import { TandemError } from './error.js';
import { limitsOf, summariesBytes, textsBytes } from './limits.js';
import { plain } from './plain.js';
import { InFlight } from './in-flight.js';

// Compiled once for all instances of a process.
const compiled = new Map();

function coreModule(name) {
    let module = compiled.get(name);
    if (!module) {
        module = readFile(new URL(`../dist/${name}`, import.meta.url)).then((bytes) =>
            WebAssembly.compile(bytes),
        );
        compiled.set(name, module);
    }
    return module;
}

/** One instance of the component, and what became of it. */
export class Instance {
    #failure;
    // What ends each call in flight. One promise for all calls would keep every answer: it holds
    // what waits for it until it is settled.
    #rejects = new Set();
    #abandon;
    // A record may wait long for a lock, and may then keep out no call of a run.
    #calls;
    #records;

    constructor({ runs, histories }, abandon, limits) {
        this.#abandon = abandon;
        this.#calls = new InFlight(Number(textsBytes(limits.maxDocumentBytes)));
        this.#records = new InFlight(Number(summariesBytes(limits.maxDocumentBytes)));
        this.runs = runs;
        this.histories = histories;
        this.limits = limits;
    }

    /**
     * @param {ReturnType<import('./wasi/index.js').wasiFor>} wasi
     * @param {ReturnType<typeof limitsOf>} [limits]
     */
    static async create({ imports, abandon }, limits = limitsOf()) {
        const root = await instantiate(coreModule, imports);
        const instance = new Instance(root, abandon, limits);
        try {
            await instance.call(() => instance.runs.setLimits(limits));
        } catch (error) {
            abandon();
            throw error;
        }
        return instance;
    }

    /**
     * Makes one call. What the component answers comes with plain values, its errors as
     * `TandemError`. After a failure of the component every call fails.
     *
     * @template T
     * @param {() => Promise<T>} make
     * @param {{run?: object, bytes?: number}} [order] the run whose calls keep their order, and
     * what the text that the call carries has
     * @returns {Promise<any>}
     */
    call(make, { run, bytes = 0 } = {}) {
        return this.#make(make, this.#calls, { run, bytes });
    }

    /** As `call`, for what records a run. */
    record(make, bytes) {
        return this.#make(make, this.#records, { bytes });
    }

    async #make(make, inFlight, order) {
        if (this.#failure) {
            throw this.#componentFailed();
        }
        const call = { ...order };
        let rejectThis;
        try {
            // A trap may leave other calls without an answer, so it ends each of them.
            return plain(
                await new Promise((resolve, reject) => {
                    rejectThis = reject;
                    this.#rejects.add(reject);
                    call.start = () => {
                        new Promise((started) => started(make())).then(resolve, reject);
                    };
                    inFlight.enter(call);
                }),
            );
        } catch (error) {
            const fields = error?.payload ?? error;
            if (this.#failure || typeof fields?.kind !== 'string') {
                this.#fail(error);
                throw this.#componentFailed();
            }
            throw new TandemError(plain(fields));
        } finally {
            this.#rejects.delete(rejectThis);
            // After a failure, no call starts any more.
            if (!this.#failure) {
                inFlight.leave(call);
            }
        }
    }

    /** Gives up a handle. That of a component that failed is gone already. */
    dispose(handle) {
        if (handle && !this.#failure) {
            handle[Symbol.dispose]();
        }
    }

    #fail(error) {
        this.#failure ??= error;
        this.#calls.clear();
        this.#records.clear();
        this.#abandon();
        for (const reject of this.#rejects) {
            reject(this.#failure);
        }
    }

    #componentFailed() {
        const why = this.#failure?.message ?? String(this.#failure);
        return new TandemError(
            { kind: 'component-failed', message: `the component failed: ${why}` },
            { cause: this.#failure },
        );
    }
}
