import { readFile, readdir } from 'node:fs/promises';

const dist = new URL('../dist/', import.meta.url);

// Compiled once for all threads of a process.
let compiled;

/** The core modules of the component, by their names. */
export function modules() {
    compiled ??= compileAll().catch((error) => {
        // Later they may be there to be read, such as when fewer files are open.
        compiled = undefined;
        throw error;
    });
    return compiled;
}

async function compileAll() {
    const names = (await readdir(dist)).filter((name) => name.endsWith('.wasm'));
    const made = names.map(async (name) => [name, await WebAssembly.compile(await readFile(new URL(name, dist)))]);
    return Object.fromEntries(await Promise.all(made));
}
