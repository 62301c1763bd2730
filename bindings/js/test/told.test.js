// Who is told what could not be written when a Tandem, or its process, ends.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { faulty } from './fault/given.js';
import { directory, failure, inTime, summary, tandem as givenTandem } from './given.js';
import { runNode } from './process.js';

const LIMIT_MS = 60_000;

test('close tells every run that could not be closed', async () => {
    const { dir, tandem } = await givenTandem();
    for (const runId of ['a', 'b']) {
        const run = await inTime(tandem.openRun({ taskId: 'task', runId }));
        await inTime(run.set({}));
        mkdirSync(join(dir, '.runs', 'task', 'cli', runId, 'manifest.json'));
    }
    const error = await failure(tandem.close());
    const paths = ['a', 'b'].map((runId) => `.runs/task/cli/${runId}/manifest.json`);
    assert.deepEqual([error.kind, error.path], ['storage', paths[0]]);
    assert.deepEqual(error.cause.errors.map(({ path }) => path), paths);
});

test('what cannot be written when a process ends is a warning', async () => {
    const script = fileURLToPath(new URL('child/unwritten.js', import.meta.url));
    const { isTimedOut, code, stderr } = await runNode([script, directory()], LIMIT_MS);
    assert.ok(!isTimedOut, 'it hangs');
    assert.equal(code, 0, stderr);
    assert.match(stderr, /TandemError: cannot replace .*manifest\.json: is-directory/);
});

test('a record that fails is told by what the system calls its error', async () => {
    const { tandem, set } = await faulty('no-descriptor');
    await inTime(tandem.history({ taskId: 'task' }));
    set(true);
    const error = await failure(tandem.recordRun(summary('task', 'run')));
    assert.equal(error.code, 'io');
    assert.match(error.message, /: io \(EMFILE: .*\)$/);
    set(false);
    await inTime(tandem.close());
});
