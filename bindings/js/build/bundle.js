import { join } from 'node:path';

import { build } from 'esbuild';

/**
 * Puts the sources of the main thread, and of each kind of thread, into one file each: to load a
 * dozen small ones takes several times as long. What jco generates stays a file of its own.
 *
 * @param {string} src the sources
 * @param {string} out the directory that has what jco generates
 */
export async function bundleTo(src, out) {
    await build({
        entryPoints: ['index', 'worker/component', 'worker/writer'].map((name) => join(src, `${name}.js`)),
        outbase: src,
        outdir: out,
        bundle: true,
        external: ['*/dist/tandem.js'],
        format: 'esm',
        platform: 'node',
        target: 'node20',
        charset: 'utf8',
        legalComments: 'none',
    });
}
