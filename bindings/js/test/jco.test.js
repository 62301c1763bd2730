// What build/patches.js puts right, provoked in the code as jco generates it. If a test here says
// that jco does well without a patch, take that patch out of build/patches.js, and the test out of
// this file.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { PATCHES } from '../build/patches.js';
import { transpileTo } from '../build/transpile.js';
import { componentFile } from '../build/component.js';
import { runNode } from './process.js';

const PROVOKED = { times: 5, limitMs: 20_000 };
const MENDED_LIMIT_MS = 120_000;

const packageDir = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'tandem-jco-'));

/** A copy of this package with all patches but one. */
async function packageWithout(left) {
    const copy = join(scratch, left ?? 'all');
    cpSync(join(packageDir, 'src'), join(copy, 'src'), { recursive: true });
    cpSync(join(packageDir, 'package.json'), join(copy, 'package.json'));
    const patches = PATCHES.filter(({ name }) => name !== left);
    await transpileTo(componentFile(), join(copy, 'dist'), { patches });
    return copy;
}

/** What a script came to: 'well', 'hang', or what it told. */
async function outcome(directory, script, limitMs) {
    const file = fileURLToPath(new URL(`jco/${script}.js`, import.meta.url));
    const { isTimedOut, code, stdout, stderr } = await runNode([file, directory], limitMs);
    if (isTimedOut) {
        return 'hang';
    }
    return code === 0 && stdout === 'done\n' ? 'well' : `code ${code}: ${stderr}`;
}

/** The first outcome that is not good, of some times. */
async function provoked(directory, script, { times, limitMs }) {
    let found = 'well';
    for (let i = 0; i < times && found === 'well'; i += 1) {
        found = await outcome(directory, script, limitMs);
    }
    return found;
}

after(() => rmSync(scratch, { recursive: true, force: true }));

let complete;
before(async () => {
    complete = await packageWithout(null);
});

const PROVOKED_BY = {
    'lock-hand-over': 'runs-at-once',
    'lock-is-no-deadlock': 'everything-at-once',
    'error-ends-no-task': 'flush-after-error',
};

for (const { name, why, symptom } of PATCHES) {
    test(`without its patch, ${why}`, async () => {
        const script = PROVOKED_BY[name];
        const copy = await packageWithout(name);
        const found = await provoked(copy, script, PROVOKED);
        assert.notEqual(found, 'well', `jco does well without the patch ${name}: remove it`);
        if (symptom === 'hang') {
            assert.equal(found, 'hang');
        } else {
            assert.match(found, symptom);
        }
        assert.equal(await outcome(complete, script, MENDED_LIMIT_MS), 'well');
    });
}

test('what a patch is for must be there', async () => {
    const patches = [{ name: 'none', why: 'of nothing', from: 'no such code', to: '' }];
    await assert.rejects(
        transpileTo(componentFile(), join(scratch, 'none'), { patches }),
        /jco generates other code than this patch is for: of nothing/,
    );
});
