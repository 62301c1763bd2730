// wasi:filesystem over node:fs, as much of it as the component uses.
//
// It is not jco's own shim, because that has one list of directories for the whole process, reads
// all files through one buffer, takes a short write for a whole one, and refuses to replace a
// symbolic link that points out of the directory.

import { constants } from 'node:fs';
import fs from 'node:fs/promises';
import { join, sep } from 'node:path';

import { WasiError } from './error.js';
import { Opened } from './opened.js';

const CHUNK_BYTES = 64 * 1024;
const NS_PER_SECOND = 1_000_000_000n;

/** Runs a file operation, and fails with WASI's name for its error. */
async function attempt(operation) {
    try {
        return await operation();
    } catch (error) {
        throw WasiError.from(error);
    }
}

function typeOf(entry) {
    const tag =
        (entry.isFile() && 'regular-file') ||
        (entry.isDirectory() && 'directory') ||
        (entry.isSymbolicLink() && 'symbolic-link') ||
        (entry.isFIFO() && 'fifo') ||
        (entry.isSocket() && 'socket') ||
        (entry.isBlockDevice() && 'block-device') ||
        (entry.isCharacterDevice() && 'character-device') ||
        'other';
    return { tag };
}

function instant(ns) {
    return { seconds: ns / NS_PER_SECOND, nanoseconds: Number(ns % NS_PER_SECOND) };
}

/**
 * A stream for the component, and the future that tells how it ended.
 *
 * @param {() => Promise<{value: any, done: boolean}>} next
 * @param {() => void} end
 */
function streamOf(next, end) {
    let settle;
    const outcome = new Promise((resolve) => {
        settle = resolve;
    });
    let isOver = false;
    const finish = (result) => {
        if (!isOver) {
            isOver = true;
            end();
            settle(result);
        }
        return { value: undefined, done: true };
    };
    const stream = {
        [Symbol.asyncIterator]: () => stream,
        async next() {
            if (isOver) {
                return { value: undefined, done: true };
            }
            try {
                const item = await next();
                return item.done ? finish({ tag: 'ok', val: undefined }) : item;
            } catch (error) {
                if (isOver) {
                    // It was given up meanwhile, and closed.
                    return { value: undefined, done: true };
                }
                const failed = WasiError.from(error);
                if (!(failed instanceof WasiError)) {
                    throw failed;
                }
                return finish({ tag: 'err', val: failed.payload });
            }
        },
        async return() {
            return finish({ tag: 'ok', val: undefined });
        },
    };
    return [stream, outcome];
}

export class Descriptor {
    /** The real path of the directory that nothing may leave. */
    #root;
    #path;
    /** None for the preopened directory. */
    #handle;
    /** What the instance has open. */
    #opened;
    // The file is closed when it is dropped and nobody reads it.
    #isDropped = false;
    #readers = 0;

    constructor(root, path, handle, opened = new Opened()) {
        this.#root = root;
        this.#path = path;
        this.#handle = handle;
        this.#opened = opened;
        if (handle) {
            opened.add(this);
        }
    }

    static preopen(root, opened) {
        return new this(root, root, null, opened);
    }

    /** Closes the file, whoever still reads it: nobody is there any more to drop it. */
    abandon() {
        this.#isDropped = true;
        this.#readers = 0;
        this.#closeIfUnused();
    }

    [Symbol.dispose]() {
        this.#isDropped = true;
        this.#closeIfUnused();
    }

    #closeIfUnused() {
        if (this.#isDropped && this.#readers === 0 && this.#handle) {
            // Nothing is written here that a failed close could lose: what must last was synced.
            this.#handle.close().catch(() => {});
            this.#handle = null;
            this.#opened.delete(this);
        }
    }

    /** The real path of what this directory holds under a path, if that leads nowhere else. */
    async #resolve(path, { isFollowed = false } = {}) {
        const names = path.split('/');
        if (path === '' || path.includes('\0')) {
            throw new WasiError('invalid');
        }
        if (path.startsWith('/') || names.includes('..')) {
            throw new WasiError('not-permitted');
        }
        // A link in the last place is itself meant, unless it is to be followed.
        const last = isFollowed ? '.' : names.pop();
        const real = await fs.realpath(join(this.#path, ...names));
        const inside = this.#root.endsWith(sep) ? this.#root : this.#root + sep;
        if (real !== this.#root && !real.startsWith(inside)) {
            throw new WasiError('not-permitted');
        }
        return join(real, last);
    }

    async openAt(pathFlags, path, openFlags, flags) {
        return attempt(async () => {
            const real = await this.#resolve(path, { isFollowed: pathFlags.symlinkFollow });
            const access = flags.read ? constants.O_RDWR : constants.O_WRONLY;
            const bits =
                constants.O_NOFOLLOW |
                // Without it, opening a pipe waits until somebody writes to it.
                constants.O_NONBLOCK |
                (flags.write ? access : constants.O_RDONLY) |
                (openFlags.create ? constants.O_CREAT : 0) |
                (openFlags.directory ? constants.O_DIRECTORY : 0) |
                (openFlags.exclusive ? constants.O_EXCL : 0) |
                (openFlags.truncate ? constants.O_TRUNC : 0);
            const handle = await fs.open(real, bits);
            return new this.constructor(this.#root, real, handle, this.#opened);
        });
    }

    readViaStream(offset) {
        const handle = this.#handle;
        let position = Number(offset);
        this.#readers += 1;
        return streamOf(
            async () => {
                const { bytesRead, buffer } = await handle.read(
                    Buffer.allocUnsafe(CHUNK_BYTES),
                    0,
                    CHUNK_BYTES,
                    position,
                );
                position += bytesRead;
                return { value: buffer.subarray(0, bytesRead), done: bytesRead === 0 };
            },
            () => {
                this.#readers -= 1;
                this.#closeIfUnused();
            },
        );
    }

    async writeViaStream(data, offset) {
        return attempt(async () => {
            try {
                let position = Number(offset);
                for (;;) {
                    const { value, done } = await data.read({ count: CHUNK_BYTES });
                    if (done) {
                        return;
                    }
                    position = await this.#writeAll(Uint8Array.from(value), position);
                }
            } finally {
                // The component waits until its bytes are taken or nobody wants them.
                data[Symbol.dispose]();
            }
        });
    }

    async #writeAll(bytes, start) {
        let position = start;
        for (let from = 0; from < bytes.length; ) {
            const left = bytes.length - from;
            const { bytesWritten } = await this.#handle.write(bytes, from, left, position);
            from += bytesWritten;
            position += bytesWritten;
        }
        return position;
    }

    async syncData() {
        return this.#sync((handle) => handle.datasync());
    }

    async sync() {
        return this.#sync((handle) => handle.sync());
    }

    async #sync(make) {
        return attempt(async () => {
            if (this.#handle) {
                return make(this.#handle);
            }
            const handle = await fs.open(this.#path, constants.O_RDONLY | constants.O_DIRECTORY);
            try {
                await make(handle);
            } finally {
                await handle.close();
            }
        });
    }

    readDirectory() {
        let opening;
        const listing = { abandon: () => stream.return() };
        const [stream, outcome] = streamOf(
            async () => {
                opening ??= fs.opendir(this.#path);
                const entry = await (await opening).read();
                return entry
                    ? { value: { name: entry.name, type: typeOf(entry) }, done: false }
                    : { value: undefined, done: true };
            },
            () => {
                this.#opened.delete(listing);
                // The stream can be given up before the directory is open.
                opening?.then((directory) => directory.close()).catch(() => {});
            },
        );
        this.#opened.add(listing);
        return [stream, outcome];
    }

    async createDirectoryAt(path) {
        return attempt(async () => fs.mkdir(await this.#resolve(path)));
    }

    async statAt(pathFlags, path) {
        return attempt(async () => {
            const real = await this.#resolve(path, { isFollowed: pathFlags.symlinkFollow });
            const found = await fs.lstat(real, { bigint: true });
            return {
                type: typeOf(found),
                linkCount: found.nlink,
                size: found.size,
                dataAccessTimestamp: instant(found.atimeNs),
                dataModificationTimestamp: instant(found.mtimeNs),
                statusChangeTimestamp: instant(found.ctimeNs),
            };
        });
    }

    async renameAt(oldPath, newDirectory, newPath) {
        return attempt(async () =>
            fs.rename(await this.#resolve(oldPath), await newDirectory.#resolve(newPath)),
        );
    }

    async removeDirectoryAt(path) {
        return attempt(async () => fs.rmdir(await this.#resolve(path)));
    }

    async unlinkFileAt(path) {
        return attempt(async () => fs.unlink(await this.#resolve(path)));
    }
}
