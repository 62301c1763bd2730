import { readFile, readdir } from 'node:fs/promises';

const dist = new URL('../dist/', import.meta.url);

// Compiled once for all threads of a process.
let compiled;

/** The core modules of the component, by their names. */
export function modules() {
    compiled ??= compileAll();
    return compiled;
}

async function compileAll() {
    const names = (await readdir(dist)).filter((name) => name.endsWith('.wasm'));
    const made = names.map(async (name) => [name, await WebAssembly.compile(await readFile(new URL(name, dist)))]);
    return Object.fromEntries(await Promise.all(made));
}
