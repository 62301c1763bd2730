// What stays in memory.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

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
