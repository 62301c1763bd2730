// Holds what replaces a file named `held.json`, until a test releases it.

import fs from 'node:fs';

export const HOLDS = 0;
export const IS_HELD = 1;
export const IS_RELEASED = 2;

export function inject({ words }) {
    const { renameSync } = fs;
    fs.renameSync = (from, to) => {
        if (Atomics.load(words, HOLDS) === 1 && to.endsWith('/held.json')) {
            Atomics.store(words, IS_HELD, 1);
            Atomics.notify(words, IS_HELD);
            Atomics.wait(words, IS_RELEASED, 0);
        }
        renameSync(from, to);
    };
}
