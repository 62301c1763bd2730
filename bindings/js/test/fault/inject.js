// Breaks calls of node:fs in a thread of the component, as one of the tests asks for it.

import fs from 'node:fs';
import process from 'node:process';
import { workerData } from 'node:worker_threads';

/** The words that a test shares with the threads. */
export const IS_ON = 0;
export const IS_RELEASED = 1;

function failure(code, syscall) {
    return Object.assign(new Error(`${code}: broken by a test, ${syscall}`), { code, syscall });
}

/** Where an open file is. */
const placeOf = (fd) => fs.readlinkSync(`/proc/self/fd/${fd}`);

const FAULTS = {
    'no-space-to-sync': (isOn) => {
        before('fdatasyncSync', () => {
            if (isOn()) {
                throw failure('ENOSPC', 'fdatasync');
            }
        });
        const { fdatasync } = fs;
        fs.fdatasync = (fd, done) => (isOn() ? done(failure('ENOSPC', 'fdatasync')) : fdatasync(fd, done));
    },
    // Each sync waits for another one.
    'syncs-meet': () => {
        before('fdatasyncSync', () => {
            throw failure('EIO', 'fdatasync');
        });
        const { fdatasync } = fs;
        const waiting = [];
        fs.fdatasync = (...args) => {
            waiting.push(args);
            if (waiting.length === 2) {
                waiting.splice(0).forEach((both) => fdatasync(...both));
            }
        };
    },
    'no-descriptor': (isOn) => {
        before('openSync', () => {
            if (isOn()) {
                throw failure('EMFILE', 'open');
            }
        });
    },
    'write-stops': (isOn) => {
        before('writeSync', (real, fd, bytes, from, _, position) => {
            if (isOn()) {
                real(fd, bytes, from, 1, position);
                throw failure('EIO', 'write');
            }
        });
    },
    'short-writes': () => {
        const real = fs.writeSync;
        fs.writeSync = (fd, bytes, from, length, position) => real(fd, bytes, from, Math.min(length, 7), position);
    },
    mistake: (isOn) => {
        before('openSync', () => {
            if (isOn()) {
                throw new TypeError('a mistake');
            }
        });
    },
    death: (isOn) => {
        before('openSync', () => {
            if (isOn()) {
                process.exit(7);
            }
        });
    },
    // What a thread is told that makes calls for another one has no directory.
    'no-helper': () => {
        if (workerData.root === undefined) {
            process.exit(7);
        }
    },
    'death-in-removal': (isOn) => {
        before('renameSync', () => {
            if (isOn()) {
                process.exit(7);
            }
        });
    },
    'history-stands-still': (isOn, words) => {
        before('writeSync', (_, fd) => {
            if (isOn() && placeOf(fd).includes('runs.json')) {
                Atomics.wait(words, IS_RELEASED, 0);
            }
        });
    },
    'sometimes-fails': () => {
        for (const [name, code] of [['renameSync', 'EIO'], ['fdatasyncSync', 'ENOSPC'], ['writeSync', 'EIO']]) {
            before(name, () => {
                if (Math.random() < 0.02) {
                    throw failure(code, name);
                }
            });
        }
    },
};

/** Has something done before each call of a function of node:fs. */
function before(name, act) {
    const real = fs[name];
    fs[name] = (...args) => {
        act(real, ...args);
        return real(...args);
    };
}

const WATCHED = { openSync: 'open', writeSync: 'write', fdatasyncSync: 'sync', fdatasync: 'sync', renameSync: 'rename', fsyncSync: 'sync directory' };

/** Writes down what is asked of the disk, in its order. */
function watch(log) {
    const { writeSync, openSync, readlinkSync } = fs;
    const out = openSync(log, 'a');
    for (const [name, called] of Object.entries(WATCHED)) {
        before(name, (_, what, to) => {
            const place = typeof what === 'number' ? readlinkSync(`/proc/self/fd/${what}`) : what;
            const file = name === 'renameSync' ? to : place;
            const isWritten = name !== 'openSync' || (to & fs.constants.O_CREAT) !== 0;
            if (isWritten) {
                writeSync(out, `${called} ${/heartbeat/.test(file) ? 'heartbeat' : 'manifest'}\n`);
            }
        });
    }
}

export function inject({ name, words, log }) {
    if (log) {
        watch(log);
    } else {
        FAULTS[name](() => Atomics.load(words, IS_ON) === 1, words);
    }
}
