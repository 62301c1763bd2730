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
const MENDED = { times: 1, limitMs: 120_000 };

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

/** Whether a script ends well each time, of some times. */
async function endsWell(directory, script, { times, limitMs }) {
    const file = fileURLToPath(new URL(`jco/${script}.js`, import.meta.url));
    for (let i = 0; i < times; i += 1) {
        const { isTimedOut, code } = await runNode([file, directory], limitMs);
        if (isTimedOut || code !== 0) {
            return false;
        }
    }
    return true;
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

for (const { name, why } of PATCHES) {
    test(`without its patch, ${why}`, async () => {
        const script = PROVOKED_BY[name];
        const copy = await packageWithout(name);
        assert.ok(
            !(await endsWell(copy, script, PROVOKED)),
            `jco does well without the patch ${name}: remove it`,
        );
        assert.ok(await endsWell(complete, script, MENDED), 'the patch does not help');
    });
}

test('what a patch is for must be there', async () => {
    const patches = [{ name: 'none', why: 'of nothing', from: 'no such code', to: '' }];
    await assert.rejects(
        transpileTo(componentFile(), join(scratch, 'none'), { patches }),
        /jco generates other code than this patch is for: of nothing/,
    );
});
