// Writes and syncs that another thread makes. A call of the component blocks its thread; while it
// waits for a write it is to touch the lock that it holds, and the syncs of a pair can go side by side.

import fs from 'node:fs';
import { receiveMessageOnPort } from 'node:worker_threads';

import { codeOf } from './error.js';
import { writeAll } from './streams.js';

/** What is written in place while the other thread is busy: no more than the record of a lock. */
const SMALL_BYTES = 4096;

/** The end that the component's thread has. */
export class Writer {
    #port;
    #rings;
    #writes = new Map();
    #last = 0;

    /** @param {{port: MessagePort, rings: Int32Array}} shared */
    constructor({ port, rings }) {
        this.#port = port;
        this.#rings = rings;
    }

    /** Begins to write; what it answers changes when the write is over. */
    write(fd, bytes, position) {
        const write = { isOver: false, code: undefined };
        if (bytes.length <= SMALL_BYTES && this.#writes.size > 0) {
            // The lock is touched while a large write goes on.
            try {
                writeAll(fd, bytes, position);
            } catch (error) {
                write.code = codeOf(error);
            }
            write.isOver = true;
            return write;
        }
        return this.#begin({ fd, bytes, position }, write);
    }

    /** Begins to sync, as `write` does to write. */
    sync(fd) {
        return this.#begin({ fd, isSync: true }, { isOver: false, code: undefined });
    }

    #begin(job, outcome) {
        this.#last += 1;
        this.#writes.set(this.#last, outcome);
        this.#port.postMessage({ ...job, id: this.#last });
        return outcome;
    }

    /** Takes note of what is over. */
    look() {
        let told = this.#writes.size > 0 ? receiveMessageOnPort(this.#port) : undefined;
        for (; told; told = receiveMessageOnPort(this.#port)) {
            const { id, error } = told.message;
            const write = this.#writes.get(id);
            this.#writes.delete(id);
            write.isOver = true;
            write.code = error && codeOf(error);
        }
    }

    /** Waits until a write or a sync is over. */
    finish(write) {
        for (;;) {
            const heard = this.heard();
            this.look();
            if (write.isOver) {
                return;
            }
            this.wait(heard);
        }
    }

    /** How often the other thread has rung. */
    heard() {
        return Atomics.load(this.#rings, 0);
    }

    /** Waits until it rings again, or for a time. */
    wait(heard, limitMs = Infinity) {
        Atomics.wait(this.#rings, 0, heard, limitMs);
    }
}

/** The end that the other thread has. */
export function serve({ port, rings }) {
    const answer = (id, error) => {
        // What is an error in one thread is a plain object in another.
        port.postMessage({ id, error: error && { code: error.code, message: error.message } });
        Atomics.add(rings, 0, 1);
        Atomics.notify(rings, 0);
    };
    port.on('message', ({ id, fd, bytes, position, isSync }) => {
        if (isSync) {
            fs.fdatasync(fd, (error) => answer(id, error));
            return;
        }
        try {
            writeAll(fd, bytes, position);
            answer(id);
        } catch (error) {
            answer(id, error);
        }
    });
}
