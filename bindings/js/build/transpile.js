import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { transpileBytes } from '@bytecodealliance/jco-transpile';

/**
 * Transpiles a component whose calls block. The same component gives the same bytes.
 *
 * @param {string} component the component's file
 * @param {string} out the directory to put the files in; what it holds is removed
 */
export async function transpileTo(component, out) {
    const { files } = await transpileBytes(readFileSync(component), {
        name: 'tandem',
        instantiation: 'sync',
        wasiShim: false,
        minify: true,
    });
    rmSync(out, { recursive: true, force: true });
    for (const [name, bytes] of Object.entries(files)) {
        const path = join(out, name);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, bytes);
    }
}
