// Threads that cannot be started, or that die.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Runs } from '../src/worker/runs.js';
import { faulty } from './fault/given.js';
import { BOTH, directory, failure, inTime, summary, tandem as givenTandem } from './given.js';
import { runNode } from './process.js';

const RUN = { taskId: 'task', runId: 'run' };
const LIMIT_MS = 60_000;

const script = fileURLToPath(new URL('child/no-files.js', import.meta.url));

test('a thread that cannot be started fails its own calls, and no open run', async () => {
    const { dir, tandem } = await givenTandem();
    const run = await inTime(tandem.openRun(RUN));
    await inTime(run.set({ n: 1 }));
    renameSync(dir, `${dir}-away`);
    const errors = await Promise.all([
        failure(tandem.recordRun(summary('task', 'run'))),
        failure(tandem.history({ taskId: 'task' })),
        failure(tandem.removeRuns(['other'], { taskId: 'task' })),
    ]);
    renameSync(`${dir}-away`, dir);
    for (const { kind, retryable, message } of errors) {
        assert.deepEqual([kind, retryable], ['storage', true]);
        assert.match(message, /^cannot start a thread \(/);
    }
    assert.equal((await inTime(run.flush())).revision, 1);
    assert.equal((await inTime(tandem.recordRun(summary('task', 'run')))).runs, 1);
    await inTime(tandem.close());
});

test('a run whose thread cannot be started is opened by another one', async () => {
    const { dir, tandem } = await givenTandem();
    for (const runId of ['a', 'b', 'c', 'd']) {
        await inTime(tandem.openRun({ ...RUN, runId }));
    }
    renameSync(dir, `${dir}-away`);
    assert.equal((await failure(tandem.openRun(RUN))).kind, 'storage');
    const run = await inTime(tandem.openRun(RUN));
    renameSync(`${dir}-away`, dir);
    await inTime(run.set({}));
    await inTime(tandem.close());
});

test('without the thread that makes syncs side by side, they are made one after the other', async () => {
    const { tandem } = await faulty('no-helper');
    for (const runId of ['first', 'second']) {
        const run = await inTime(tandem.openRun({ ...RUN, runId, heartbeatDurability: 'durable' }));
        await inTime(run.set({ n: 1 }));
        const { manifest, heartbeat } = await inTime(run.schedule(BOTH));
        assert.deepEqual([manifest.reached, heartbeat.reached], ['durable', 'durable']);
    }
    await inTime(tandem.close());
});

for (const how of ['limits', 'modules']) {
    test(`without a file to open, a Tandem with ${how} fails at once, and a later one works`, async () => {
        const { isTimedOut, code, stdout, stderr } = await runNode([script, how, directory()], LIMIT_MS);
        assert.ok(!isTimedOut, 'it hangs');
        assert.deepEqual([code, stdout], [0, 'storage true\nworks\n'], stderr);
    });
}

test('a thread that dies while the Tandem is closed fails the close, and who waits for it', async () => {
    const { tandem, set } = await faulty('death');
    const run = await inTime(tandem.openRun(RUN));
    await inTime(run.set({}));
    set(true);
    const [flushed, closed] = await Promise.all([failure(run.schedule(BOTH)), failure(tandem.close())]);
    assert.deepEqual([flushed.kind, closed.kind], ['component-failed', 'component-failed']);
});

test('a close waits for the run that is being opened, also if that fails', async () => {
    const { dir, tandem } = await givenTandem();
    const first = await inTime(tandem.openRun(RUN));
    const opened = tandem.openRun({ ...RUN, runId: 'other' });
    const refused = failure(tandem.openRun(RUN));
    await inTime(Promise.all([opened, tandem.close()]));
    assert.equal((await refused).kind, 'already-open');
    assert.equal((await failure(first.set({}))).kind, 'closed');
    assert.ok(existsSync(join(dir, '.runs', 'task', 'cli', 'other')));
});

test('after a thread died in a removal, opening that run fails and does not wait', async () => {
    const { dir, tandem, set } = await faulty('death-in-removal');
    mkdirSync(join(dir, '.runs', 'task', 'cli', 'run'), { recursive: true });
    await inTime(tandem.history({ taskId: 'task' }));
    set(true);
    const removal = failure(tandem.removeRuns(['run'], { taskId: 'task', aliveForMs: 0 }));
    // By then the thread is told.
    await new Promise(setImmediate);
    const opened = failure(tandem.openRun(RUN));
    assert.deepEqual([(await removal).kind, (await opened).kind], ['component-failed', 'component-failed']);
});

test('a thread that starts later uses no other directory than the first one', async () => {
    const { dir, tandem } = await givenTandem();
    const run = await inTime(tandem.openRun(RUN));
    renameSync(dir, `${dir}-moved`);
    mkdirSync(dir);
    const error = await failure(tandem.recordRun(summary('task', 'run')));
    assert.match(error.message, /another directory is at /);
    assert.deepEqual(readdirSync(dir), []);
    rmdirSync(dir);
    renameSync(`${dir}-moved`, dir);
    await inTime(run.close());
    assert.equal((await inTime(tandem.recordRun(summary('task', 'run')))).runs, 1);
    await inTime(tandem.close());
});

test('a call of a run that is not open is refused in its thread', () => {
    const { run } = new Runs(class {}, {}).calls;
    const { results, refused } = run({ run: 1, steps: [{ name: 'stats' }], last: { name: 'close' } });
    assert.deepEqual([results[0].error.kind, refused.kind], ['closed', 'closed']);
});
