import { monotonicClock, systemClock } from './clocks.js';
import { Descriptor } from './descriptor.js';
import { Opened } from './opened.js';
import { random } from './random.js';

/**
 * What one instance imports: clocks, random numbers, and a single directory; and what closes the
 * files that it leaves open when it fails.
 *
 * @param {string} root the directory's real path
 * @param {typeof Descriptor} [DescriptorClass] another one in tests of faults
 */
export function wasiFor(root, DescriptorClass = Descriptor) {
    const opened = new Opened();
    const preopen = DescriptorClass.preopen(root, opened);
    const imports = {
        'wasi:clocks/monotonic-clock': monotonicClock,
        'wasi:clocks/system-clock': systemClock,
        'wasi:filesystem/preopens': { getDirectories: () => [[preopen, '/']] },
        'wasi:filesystem/types': { Descriptor: DescriptorClass },
        'wasi:random/random': random,
    };
    return { imports, abandon: () => opened.abandon() };
}
