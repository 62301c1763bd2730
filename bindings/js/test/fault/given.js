import { join } from 'node:path';

import { createIn } from '../../src/tandem.js';
import { directory, inTime } from '../given.js';
import { IS_ON, IS_RELEASED } from './inject.js';

const module = new URL('inject.js', import.meta.url).href;

/** A Tandem in whose threads calls of the system are broken while it is on. */
export async function faulty(name, { dir = directory(), limits = {} } = {}) {
    const words = new Int32Array(new SharedArrayBuffer(8));
    const tandem = await inTime(createIn(dir, limits, { module, shared: { name, words } }));
    const set = (isOn) => Atomics.store(words, IS_ON, isOn ? 1 : 0);
    const release = () => {
        Atomics.store(words, IS_RELEASED, 1);
        Atomics.notify(words, IS_RELEASED);
    };
    return { dir, tandem, set, release };
}

/** A Tandem whose threads write down what they ask of the disk. */
export async function watched() {
    const dir = directory();
    const log = join(directory(), 'log');
    return { log, tandem: await inTime(createIn(dir, {}, { module, shared: { log } })) };
}
