import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { directory } from './given.js';
import { runNode } from './process.js';

const LIMIT_MS = 60_000;

const packageDir = fileURLToPath(new URL('..', import.meta.url));

/** The pieces of code that a README shows. */
function codeOf(readme) {
    const pieces = [...readme.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, code]) => code);
    assert.ok(pieces.length > 0, 'there is no code');
    return pieces;
}

test('the code of the README runs', async () => {
    const [first, second, handler] = codeOf(readFileSync(join(packageDir, 'README.md'), 'utf8'));
    const dir = directory();
    mkdirSync(join(dir, 'node_modules'));
    symlinkSync(packageDir, join(dir, 'node_modules', 'tandem-persistence'));
    // The second piece is about a run that the first has open.
    const close = 'await run.close();';
    assert.ok(first.includes(close));
    writeFileSync(join(dir, 'program.mjs'), first.replace(close, `${second}${handler}console.log(isSaved);\n${close}`));
    const { isTimedOut, code, stdout, stderr } = await runNode(['program.mjs'], LIMIT_MS, { cwd: dir });
    assert.ok(!isTimedOut, 'it hangs');
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'true\nr1\n');
    const history = JSON.parse(readFileSync(join(dir, 'state', 'out', 'nightly', 'runs.json'), 'utf8'));
    assert.equal(history.runs.length, 1);
});

test('the handler of SIGTERM that the README shows ends with 143, also if the close fails', async () => {
    const [, , handler] = codeOf(readFileSync(join(packageDir, 'README.md'), 'utf8'));
    const program = `
        const tandem = { close: () => Promise.reject(new Error('cannot be written')) };
        ${handler}
        process.kill(process.pid, 'SIGTERM');
        setInterval(() => {}, 1000);
    `;
    const { isTimedOut, code, stderr } = await runNode(['--input-type=module', '-e', program], LIMIT_MS);
    assert.ok(!isTimedOut, 'it hangs');
    assert.equal(code, 143);
    assert.match(stderr, /cannot be written/);
});
