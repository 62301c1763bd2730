// Files that a case makes, and files that it expects.

import fs from 'node:fs';
import { dirname, join, relative } from 'node:path';

import { pattern } from './pattern.js';
import { BadCase, bytes, fields, whole } from './read.js';

const ACTIONS = {
    'write-file': {
        needed: ['path', 'content'],
        allowed: ['age-s'],
        act(place, { content, 'age-s': ageS }) {
            fs.mkdirSync(dirname(place), { recursive: true });
            fs.writeFileSync(place, bytes(content));
            if (ageS !== undefined) {
                const changed = Date.now() / 1000 - ageS;
                fs.utimesSync(place, changed, changed);
            }
        },
    },
    'make-directory': {
        needed: ['path'],
        act(place) {
            fs.mkdirSync(place, { recursive: true });
        },
    },
    symlink: {
        needed: ['path', 'to'],
        act(place, { to }) {
            fs.mkdirSync(dirname(place), { recursive: true });
            fs.symlinkSync(to, place);
        },
    },
    'hard-link': {
        needed: ['path', 'to'],
        act(place, { to }, granted) {
            fs.mkdirSync(dirname(place), { recursive: true });
            fs.linkSync(join(granted, to), place);
        },
    },
    remove: {
        needed: ['path'],
        act(place) {
            fs.rmSync(place, { recursive: true });
        },
    },
};

export function isAction(given) {
    return Object.hasOwn(ACTIONS, given.do);
}

/** Reads a file action into a function that makes it. */
export function action(given) {
    if (!isAction(given)) {
        throw new BadCase(`there is no file action ${given.do}`);
    }
    const { needed, allowed = [], act } = ACTIONS[given.do];
    fields(given.do, given, { needed: ['do', ...needed], allowed });
    return (granted) => act(join(granted, given.path), given, granted);
}

function content(given) {
    if (Object.hasOwn(given ?? {}, 'hex')) {
        const wanted = bytes(given);
        return (found) =>
            wanted.equals(found) ? undefined : `expected other bytes, found ${found.toString('hex')}`;
    }
    const check = pattern(given);
    return (found) => {
        const read = found.toString();
        return Buffer.from(read).equals(found) ? check(read, '') : 'the file holds no UTF-8';
    };
}

function entry(given) {
    const allowed = ['path', 'path-matches', 'is', 'content', 'bytes', 'to'];
    fields('an entry', given, { allowed });
    if (Object.hasOwn(given, 'path') === Object.hasOwn(given, 'path-matches')) {
        throw new BadCase('an entry has either `path` or `path-matches`');
    }
    const is = given.is ?? 'file';
    const its = { file: ['content', 'bytes'], directory: [], symlink: ['to'], absent: [] }[is];
    const names = ['content', 'bytes', 'to'].filter((name) => Object.hasOwn(given, name));
    if (!its || names.some((name) => !its.includes(name))) {
        throw new BadCase(`there is no \`${is}\` with these fields: ${names.join(', ')}`);
    }
    const expression = Object.hasOwn(given, 'path') ? null : whole(given['path-matches']);
    const checkContent = names.includes('content') ? content(given.content) : () => undefined;
    const checkBytes = names.includes('bytes') ? pattern(given.bytes) : () => undefined;
    const checkTo = names.includes('to') ? pattern(given.to) : () => undefined;
    const name = given.path ?? given['path-matches'];

    return {
        name,
        /** Tells the paths that this entry names, and what is wrong with them. */
        check(granted, found) {
            const paths = [...found.keys()].filter((path) =>
                expression ? expression.test(path) : path === given.path,
            );
            if (is === 'absent') {
                return { wrong: paths.length > 0 ? 'nothing should stand there' : undefined };
            }
            if (paths.length !== 1) {
                return { wrong: `expected one ${is}, found ${paths.length}` };
            }
            const [path] = paths;
            const place = join(granted, path);
            if (found.get(path) !== is) {
                return { wrong: `expected a ${is}, found a ${found.get(path)}` };
            }
            if (is === 'file') {
                const held = fs.readFileSync(place);
                return { path, wrong: checkContent(held) ?? checkBytes(held.length, 'bytes') };
            }
            return { path, wrong: is === 'symlink' ? checkTo(fs.readlinkSync(place), 'to') : undefined };
        },
    };
}

/** What stands in a directory, by its path relative to another. Links are not followed. */
function listed(directory, granted, found = new Map()) {
    for (const item of fs.readdirSync(directory, { withFileTypes: true })) {
        const place = join(directory, item.name);
        const kind =
            (item.isDirectory() && 'directory') || (item.isSymbolicLink() && 'symlink') || 'file';
        found.set(relative(granted, place), kind);
        if (kind === 'directory') {
            listed(place, granted, found);
        }
    }
    return found;
}

/** Reads entries into a function that compares them with a sandbox, and tells what differs. */
export function entries(given, { isAll }) {
    const list = given.map(entry);
    return (sandbox, granted) => {
        const found = listed(sandbox, granted);
        const named = new Set();
        for (const { name, check } of list) {
            const { path, wrong } = check(granted, found);
            if (wrong !== undefined) {
                return `${name}: ${wrong}`;
            }
            if (path !== undefined && named.has(path)) {
                return `${path}: two entries name it`;
            }
            named.add(path);
        }
        for (const [path, kind] of found) {
            if (isAll && kind !== 'directory' && !named.has(path)) {
                return `${path}: nothing should stand there`;
            }
        }
        return undefined;
    };
}
