// How files below a directory are reached, so that nothing outside of the granted one can be.
//
// Node has no openat. Linux has a name for what is below an open directory, /proc/self/fd/N/NAME:
// nobody can swap that directory for a link between a check and its use. Elsewhere the real path is
// checked before each use, which whoever may write to the directory can outrun.

import fs from 'node:fs';
import { join, sep } from 'node:path';

import { WasiError } from './error.js';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = fs.constants;
const FDS = '/proc/self/fd';

/** Whether this system has names for what is below an open directory. */
const hasNames = (() => {
    try {
        return fs.readlinkSync(`${FDS}/0`) !== '';
    } catch {
        return false;
    }
})();

function checked(path) {
    if (path === '' || path.includes('\0')) {
        throw new WasiError('invalid');
    }
    if (path.startsWith('/') || path.split('/').includes('..')) {
        throw new WasiError('not-permitted');
    }
}

function isInside(root, path) {
    return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

/** An open directory; names below it are reached through it. */
class ByDescriptor {
    constructor(root, fd, path) {
        this.root = root ?? this;
        this.fd = fd;
        this.path = path;
    }

    /** The name of something in it, for calls of node:fs. A link at that name is not followed. */
    at(name) {
        return `${FDS}/${this.fd}/${name}`;
    }

    open(path, isFollowed) {
        checked(path);
        const fd = fs.openSync(this.at(path), O_RDONLY | O_DIRECTORY | (isFollowed ? 0 : O_NOFOLLOW));
        try {
            return new ByDescriptor(this.root, fd, this.#placeOf(fd));
        } catch (error) {
            fs.closeSync(fd);
            throw error;
        }
    }

    /** Where an open directory is, if that is below the granted one. */
    #placeOf(fd) {
        const path = fs.readlinkSync(`${FDS}/${fd}`);
        if (!isInside(this.root.path, path)) {
            // The granted directory may have been moved with all that is in it.
            this.root.path = fs.readlinkSync(`${FDS}/${this.root.fd}`);
            if (!isInside(this.root.path, path)) {
                throw new WasiError('not-permitted');
            }
        }
        return path;
    }
}

/** The same where only paths name files. */
class ByPath {
    constructor(root, fd, path) {
        this.root = root ?? this;
        this.fd = fd;
        this.path = path;
    }

    at(name) {
        return join(this.#real('.'), name);
    }

    open(path, isFollowed) {
        checked(path);
        const names = path.split('/');
        const last = isFollowed ? '.' : names.pop();
        const real = join(this.#real(isFollowed ? path : join('.', ...names)), last);
        const fd = fs.openSync(real, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        return new ByPath(this.root, fd, real);
    }

    #real(path) {
        const real = fs.realpathSync.native(join(this.path, path));
        if (!isInside(this.root.path, real)) {
            throw new WasiError('not-permitted');
        }
        return real;
    }
}

/**
 * Opens the granted directory.
 *
 * @param {string} path its real path
 * @param {boolean} [isNamed] whether the system's names are used; tests try both
 * @param {{dev: bigint, ino: bigint}} [known] which directory that is: were it another one, what is
 * kept would be in both
 */
export function granted(path, isNamed = hasNames, known = undefined) {
    const fd = fs.openSync(path, O_RDONLY | O_DIRECTORY);
    if (known) {
        const { dev, ino } = fs.fstatSync(fd, { bigint: true });
        if (dev !== known.dev || ino !== known.ino) {
            fs.closeSync(fd);
            throw new Error(`another directory is at ${path} now`);
        }
    }
    return isNamed ? new ByDescriptor(null, fd, fs.readlinkSync(`${FDS}/${fd}`)) : new ByPath(null, fd, path);
}

/** Does something with the last name of a path, in the open directory that holds it. */
export function inParent(directory, path, act) {
    checked(path);
    const end = path.lastIndexOf('/');
    if (end < 0) {
        return act(directory, path);
    }
    const parent = directory.open(path.slice(0, end), true);
    try {
        return act(parent, path.slice(end + 1));
    } finally {
        fs.closeSync(parent.fd);
    }
}
