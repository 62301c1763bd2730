// What the component writes into a file.

import fs from 'node:fs';

import { codeOf } from './error.js';
import { Pollable } from './poll.js';
import { Resource, dispose } from './resource.js';

/** What the component may give at once. */
const PERMIT_BYTES = 1n << 31n;

/** `wasi:io/error`: what a stream failed with. */
export class IoError extends Resource {
    constructor(code) {
        super();
        this.code = code;
    }
}

export function filesystemErrorCode(error) {
    return error.code;
}

export function writeAll(fd, bytes, start) {
    let position = start;
    for (let from = 0; from < bytes.length; ) {
        const written = fs.writeSync(fd, bytes, from, bytes.length - from, position);
        from += written;
        position += written;
    }
    return position;
}

/** A stream whose writes are made at once, in this thread. */
export class OutputStream extends Resource {
    #fd;
    #position;
    #code;
    #syncs;
    // After a flush the component is let wait once: so it hands over the second file of a pair
    // before it syncs the first.
    #isSettling = false;

    constructor(fd, position, syncs) {
        super();
        this.#fd = fd;
        this.#position = position;
        this.#syncs = syncs;
    }

    checkWrite() {
        this.#tellFailure();
        return this.#isSettling ? 0n : PERMIT_BYTES;
    }

    write(contents) {
        try {
            this.#position = writeAll(this.#fd, contents, this.#position);
        } catch (error) {
            this.#code = codeOf(error);
        }
    }

    flush() {
        this.#tellFailure();
        this.#isSettling = true;
    }

    subscribe() {
        return new Settling(
            () => this.#isSettling,
            () => {
                if (this.#isSettling) {
                    this.#isSettling = false;
                    this.#syncs.isWritten(this.#fd);
                }
            },
        );
    }

    #tellFailure() {
        if (this.#code) {
            const payload = { tag: 'last-operation-failed', val: new IoError(this.#code) };
            throw Object.assign(new Error(this.#code), { payload });
        }
    }
}

/** Ready once the component has nothing left to do but to wait for it. */
class Settling extends Pollable {
    #isSettling;
    #settle;

    constructor(isSettling, settle) {
        super();
        this.#isSettling = isSettling;
        this.#settle = settle;
    }

    ready() {
        return !this.#isSettling();
    }

    isWaitedFor() {
        this.#settle();
    }
}

/** A stream whose writes another thread makes, so that the component goes on meanwhile. */
export class HandedOverStream extends Resource {
    #fd;
    #position;
    #writer;
    #write;

    constructor(fd, position, writer) {
        super();
        this.#fd = fd;
        this.#position = position;
        this.#writer = writer;
    }

    checkWrite() {
        this.#tellFailure();
        return this.#isOver() ? PERMIT_BYTES : 0n;
    }

    write(contents) {
        this.#write = this.#writer.write(this.#fd, contents, this.#position);
        this.#position += contents.length;
    }

    flush() {
        this.#tellFailure();
    }

    subscribe() {
        return new Written(this.#writer, () => this.#isOver());
    }

    /** The file may be closed only when nobody writes to it. */
    [dispose]() {
        super[dispose]();
        if (this.#write && !this.#isOver()) {
            this.#writer.finish(this.#write);
        }
    }

    #isOver() {
        this.#writer.look();
        return this.#write?.isOver ?? true;
    }

    #tellFailure() {
        if (this.#isOver() && this.#write?.code) {
            const payload = { tag: 'last-operation-failed', val: new IoError(this.#write.code) };
            throw Object.assign(new Error(this.#write.code), { payload });
        }
    }
}

class Written extends Pollable {
    #isOver;

    constructor(writer, isOver) {
        super();
        this.bell = writer;
        this.#isOver = isOver;
    }

    ready() {
        return this.#isOver();
    }
}
