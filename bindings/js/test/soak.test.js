import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { runNode } from './process.js';

const LIMIT_MS = 240_000;
const SECONDS = '8';
const RUNS = '50';

const script = fileURLToPath(new URL('soak.js', import.meta.url));

test('many runs on a disk that fails now and then lose nothing and leave nothing', async () => {
    const { isTimedOut, code, stdout, stderr } = await runNode(['--expose-gc', script, SECONDS, RUNS], LIMIT_MS);
    assert.ok(!isTimedOut, `it hangs: ${stdout}`);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /flat, and nothing is left\n$/);
});
