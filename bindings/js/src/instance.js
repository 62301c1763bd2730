import { readFile } from 'node:fs/promises';

import { instantiate } from '../dist/tandem.js';
import { TandemError } from './error.js';
import { plain } from './plain.js';

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

    constructor(root, abandon) {
        this.#abandon = abandon;
        this.persister = root.persister;
        this.coordinator = root.coordinator;
    }

    /** @param {ReturnType<import('./wasi/index.js').wasiFor>} wasi */
    static async create({ imports, abandon }) {
        return new Instance(await instantiate(coreModule, imports), abandon);
    }

    /**
     * Makes one call. What the component answers comes with plain values, its errors as
     * `TandemError`. After a failure of the component every call fails.
     *
     * @template T
     * @param {() => Promise<T>} make
     * @returns {Promise<any>}
     */
    async call(make) {
        if (this.#failure) {
            throw this.#componentFailed();
        }
        let rejectThis;
        try {
            // A trap may leave other calls without an answer, so it ends each of them.
            return plain(
                await new Promise((resolve, reject) => {
                    rejectThis = reject;
                    this.#rejects.add(reject);
                    Promise.resolve(make()).then(resolve, reject);
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
