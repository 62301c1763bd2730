// Syncs of files.
//
// A call of WASI 0.2 blocks, so the component asks for the second sync of a pair when the first is
// over. If both files are to be synced, both syncs are begun in another thread as soon as both files
// are written, and the component waits for what is under way.

import fs from 'node:fs';

import { WasiError, attempt } from './error.js';

export class Syncs {
    /** Whether whoever flushes now has every file synced. */
    areOfAll = false;
    #helper;
    // Files that are written since the component waited last.
    #written = [];
    #begun = new Map();

    /** @param {import('./writer.js').Writer} helper from now on it makes what can be made side by side */
    help(helper) {
        this.#helper = helper;
    }

    isWritten(fd) {
        this.#written.push(fd);
    }

    /** The component has waited for what it wrote. */
    begin() {
        const written = this.#written.splice(0);
        if (this.#helper && this.areOfAll && written.length > 1) {
            written.forEach((fd) => this.#begun.set(fd, this.#helper.sync(fd)));
        }
    }

    sync(fd) {
        const begun = this.#begun.get(fd);
        if (!begun) {
            attempt(() => fs.fdatasyncSync(fd));
            return;
        }
        this.end(fd);
        if (begun.code) {
            throw new WasiError(begun.code);
        }
    }

    /** Waits for what is under way: then the file may be closed. */
    end(fd) {
        const begun = this.#begun.get(fd);
        if (begun) {
            this.#begun.delete(fd);
            this.#helper.finish(begun);
        }
    }
}
