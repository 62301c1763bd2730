// What stays in memory.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Resource } from '../src/wasi/resource.js';
import { wasiFor } from '../src/wasi/index.js';
import { directory } from './given.js';
import { runNode } from './process.js';

const LIMIT_MS = 120_000;

test('what a call answered does not stay in memory', async () => {
    const file = fileURLToPath(new URL('child/history.js', import.meta.url));
    const textBytes = 1_000_000;
    const args = ['--expose-gc', file, directory(), String(textBytes)];
    const { isTimedOut, code, stdout, stderr } = await runNode(args, LIMIT_MS);
    assert.ok(!isTimedOut, 'it hangs');
    assert.equal(code, 0, stderr);
    // Twenty answers were told. One may still be on the stack, another held by the generated code.
    assert.ok(Number(stdout) < 5 * textBytes, `the heap grew by ${stdout}`);
});

test('what the generated code counts of dropped files and streams does not grow', async () => {
    const dist = new URL('../dist/', import.meta.url);
    const { instantiate } = await import(new URL('tandem.js', dist));
    const module = (name) => new WebAssembly.Module(readFileSync(new URL(name, dist)));
    const { runs } = instantiate(module, wasiFor(directory()).imports);
    const [run] = runs.Run.open({ taskId: 'task', runId: 'run', manifestDurability: 'visible' });
    run.set('{}');
    for (let flush = 0; flush < 100; flush += 1) {
        run.schedule({ manifest: true, heartbeat: true, force: true });
    }
    // It keeps each number that it has seen; a pair has three files and several streams and waits.
    assert.ok(new Resource()[Symbol.for('cabiRep')] < 50);
});

test('a Tandem that nobody has any more has no threads, and its runs are closed', async () => {
    const file = fileURLToPath(new URL('child/orphan.js', import.meta.url));
    const dir = directory();
    const { isTimedOut, code, stdout, stderr } = await runNode(['--expose-gc', file, dir], LIMIT_MS);
    assert.ok(!isTimedOut, 'they go on');
    assert.deepEqual([code, stdout], [0, 'ended\n1\n'], stderr);
    const manifest = join(dir, '.runs', 'task', 'cli', 'run', 'manifest.json');
    assert.equal(readFileSync(manifest, 'utf8'), '{\n  "n": 1\n}\n');
});
