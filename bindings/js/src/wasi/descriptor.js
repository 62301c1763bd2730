// wasi:filesystem over the calls of node:fs that block, as much of it as the component uses.
//
// It is not jco's own shim, because that has one list of directories for the whole process, takes a
// short write for a whole one, keeps no mode, and refuses to replace a symbolic link that points out
// of the directory.

import fs from 'node:fs';

import { inParent } from './beneath.js';
import { close } from './close.js';
import { attempt } from './error.js';
import { Resource, dispose } from './resource.js';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } =
    fs.constants;
const PIECE_BYTES = 64 << 10;
// New memory for each read would be garbage at once, more than a thread collects in time.
const piece = Buffer.alloc(PIECE_BYTES);
const NS_PER_SECOND = 1_000_000_000n;

function typeOf(entry) {
    return (
        (entry.isFile() && 'regular-file') ||
        (entry.isDirectory() && 'directory') ||
        (entry.isSymbolicLink() && 'symbolic-link') ||
        (entry.isFIFO() && 'fifo') ||
        (entry.isSocket() && 'socket') ||
        (entry.isBlockDevice() && 'block-device') ||
        (entry.isCharacterDevice() && 'character-device') ||
        'unknown'
    );
}

function instant(ns) {
    return { seconds: ns / NS_PER_SECOND, nanoseconds: Number(ns % NS_PER_SECOND) };
}

/** The names in a directory. */
export class DirectoryEntryStream extends Resource {
    #entries;

    constructor(entries) {
        super();
        this.#entries = entries[Symbol.iterator]();
    }

    readDirectoryEntry() {
        const { value, done } = this.#entries.next();
        return done ? undefined : { type: typeOf(value), name: value.name };
    }
}

/** An open file or directory. */
export class Descriptor extends Resource {
    /** What all descriptors of a component share: see `index.js`. */
    #disk;
    /** Of a directory: where it is. */
    #directory;
    #fd;
    /** Of a temporary file: who closes it. */
    #temporary;

    constructor(disk, { fd, directory, temporary }) {
        super();
        this.#disk = disk;
        this.#directory = directory;
        this.#fd = fd;
        this.#temporary = temporary;
    }

    [dispose]() {
        super[dispose]();
        this.#disk.syncs.end(this.#fd);
        if (this.#temporary) {
            this.#disk.temporaries.isDropped(this.#temporary);
        } else {
            close(this.#fd);
        }
    }

    openAt({ symlinkFollow = false }, path, openFlags, flags) {
        return attempt(() => {
            if (openFlags.directory) {
                const directory = this.#directory.open(path, symlinkFollow);
                return new Descriptor(this.#disk, { fd: directory.fd, directory });
            }
            // The component opens no file through a link.
            return inParent(this.#directory, path, (parent, name) => this.#open(parent, name, openFlags, flags));
        });
    }

    #open(parent, name, openFlags, flags) {
        const access = flags.read ? O_RDWR : O_WRONLY;
        const bits =
            O_NOFOLLOW |
            // Without it, opening a pipe waits until somebody writes to it.
            O_NONBLOCK |
            (flags.write ? access : O_RDONLY) |
            (openFlags.create ? O_CREAT : 0) |
            (openFlags.exclusive ? O_EXCL : 0) |
            (openFlags.truncate ? O_TRUNC : 0);
        const { temporaries } = this.#disk;
        const isTemporary = openFlags.create && openFlags.exclusive && temporaries.isOne(name);
        const mode = isTemporary ? temporaries.mode : undefined;
        const fd = fs.openSync(parent.at(name), bits, mode);
        const temporary = isTemporary ? temporaries.add(parent, name, fd) : undefined;
        return new Descriptor(this.#disk, { fd, temporary });
    }

    /** What it answers is good until the next call: the component copies it at once. */
    read(length, offset) {
        return attempt(() => {
            const wanted = Math.min(Number(length), PIECE_BYTES);
            const bytesRead = fs.readSync(this.#fd, piece, 0, wanted, Number(offset));
            return [piece.subarray(0, bytesRead), bytesRead === 0];
        });
    }

    writeViaStream(offset) {
        return this.#disk.stream(this.#fd, Number(offset));
    }

    syncData() {
        this.#disk.syncs.sync(this.#fd);
    }

    sync() {
        attempt(() => fs.fsyncSync(this.#fd));
    }

    readDirectory() {
        return attempt(() => {
            const entries = fs.readdirSync(this.#directory.at('.'), { withFileTypes: true });
            return new DirectoryEntryStream(entries);
        });
    }

    createDirectoryAt(path) {
        attempt(() => inParent(this.#directory, path, (parent, name) => fs.mkdirSync(parent.at(name))));
    }

    statAt(_, path) {
        return attempt(() =>
            inParent(this.#directory, path, (parent, name) => {
                const found = fs.lstatSync(parent.at(name), { bigint: true });
                return {
                    type: typeOf(found),
                    linkCount: found.nlink,
                    size: found.size,
                    dataAccessTimestamp: instant(found.atimeNs),
                    dataModificationTimestamp: instant(found.mtimeNs),
                    statusChangeTimestamp: instant(found.ctimeNs),
                };
            }),
        );
    }

    renameAt(oldPath, newDescriptor, newPath) {
        attempt(() =>
            inParent(this.#directory, oldPath, (from, oldName) =>
                inParent(newDescriptor.#directory, newPath, (to, newName) =>
                    this.#disk.temporaries.rename(from, oldName, to, newName),
                ),
            ),
        );
    }

    removeDirectoryAt(path) {
        attempt(() => inParent(this.#directory, path, (parent, name) => fs.rmdirSync(parent.at(name))));
    }

    unlinkFileAt(path) {
        attempt(() =>
            inParent(this.#directory, path, (parent, name) => {
                fs.unlinkSync(parent.at(name));
                this.#disk.temporaries.isGone(parent, name);
            }),
        );
    }
}
