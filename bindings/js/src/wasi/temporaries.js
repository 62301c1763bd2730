// Temporary files are private until they take the place of another file, whose mode they get then.

import fs from 'node:fs';

import { close } from './close.js';

const SUFFIX = '.tandem-tmp';
const PRIVATE = 0o600;
const PUBLIC = 0o666;
/** Permissions, without what runs a file as somebody else. */
const PERMISSIONS = 0o777;

export class Temporaries {
    /** With which a temporary file is created. */
    mode = PRIVATE;
    #umask;
    // By their paths. Each stays open until it is renamed or removed: its mode is changed through
    // its descriptor, so that no link in its place can lead that elsewhere.
    #files = new Map();
    // Modes of files that were set aside, by the paths they had: what takes their place is as private.
    #modes = new Map();

    /** @param {number} umask the process's */
    constructor(umask) {
        this.#umask = umask;
    }

    isOne(name) {
        return name.endsWith(SUFFIX);
    }

    add({ path }, name, fd) {
        const file = { key: `${path}/${name}`, fd, isDropped: false };
        this.#files.set(file.key, file);
        return file;
    }

    /** The component has written all, and may still rename it. */
    isDropped(file) {
        file.isDropped = true;
        if (!this.#files.has(file.key)) {
            close(file.fd);
        }
    }

    rename(from, oldName, to, newName) {
        const file = this.#files.get(`${from.path}/${oldName}`);
        if (file) {
            const mode = this.#modeFor(to.at(newName), `${to.path}/${newName}`);
            if (mode !== PRIVATE) {
                setMode(file.fd, mode);
            }
        }
        const setAside = file ? undefined : fs.lstatSync(from.at(oldName), { throwIfNoEntry: false });
        fs.renameSync(from.at(oldName), to.at(newName));
        if (setAside?.isFile()) {
            this.#modes.set(`${from.path}/${oldName}`, setAside.mode & PERMISSIONS);
        }
        this.#forget(file);
    }

    isGone({ path }, name) {
        this.#forget(this.#files.get(`${path}/${name}`));
    }

    #forget(file) {
        if (file) {
            this.#files.delete(file.key);
            if (file.isDropped) {
                close(file.fd);
            }
        }
    }

    #modeFor(place, key) {
        let found;
        try {
            found = fs.lstatSync(place, { throwIfNoEntry: false });
        } catch {
            // It may have been private.
            return PRIVATE;
        }
        // A link has no permissions of its own.
        const mode = found?.isFile() ? found.mode & PERMISSIONS : this.#modes.get(key) ?? PUBLIC & ~this.#umask;
        this.#modes.delete(key);
        return mode;
    }
}

function setMode(fd, mode) {
    try {
        fs.fchmodSync(fd, mode);
    } catch {
        // Some file systems have no modes.
    }
}
