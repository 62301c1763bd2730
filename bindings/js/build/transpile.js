import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { transpileBytes } from '@bytecodealliance/jco-transpile';

import { PATCHES, patched } from './patches.js';

/**
 * Transpiles a component. The same component gives the same bytes.
 *
 * @param {string} component the component's file
 * @param {string} out the directory to put the files in; what it holds is removed
 * @param {{patches?: typeof PATCHES}} [options]
 */
export async function transpileTo(component, out, { patches = PATCHES } = {}) {
    const { files } = await transpileBytes(readFileSync(component), {
        name: 'tandem',
        instantiation: 'async',
        asyncMode: 'jspi',
        wasiShim: false,
    });
    rmSync(out, { recursive: true, force: true });
    for (const [name, bytes] of Object.entries(files)) {
        const path = join(out, name);
        mkdirSync(dirname(path), { recursive: true });
        const isGlue = name.endsWith('tandem.js');
        writeFileSync(path, isGlue ? patched(new TextDecoder().decode(bytes), patches) : bytes);
    }
}
