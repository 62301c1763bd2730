// Records, and the lock of a task's history.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { Tandem } from '../src/index.js';
import { faulty } from './fault/given.js';
import { directory, failure, inTime, lock, summary, tandem as givenTandem, unlock } from './given.js';
import { runNode } from './process.js';

const LOOK_MS = 5;
const LIMIT_MS = 60_000;
const INSTANCES = 64;

/** Looks again and again until something is so. */
async function until(isSo) {
    while (!isSo()) {
        await sleep(LOOK_MS);
    }
}

const isSummaryThere = (dir, task, run) => existsSync(join(dir, '.runs', task, run, 'manifest.json'));

test('a lock delays no run and no other task', async () => {
    const { dir, tandem } = await givenTandem();
    lock(dir, 'locked');
    const run = await inTime(tandem.openRun({ taskId: 'locked', runId: 'run' }));
    let isOver = false;
    const waits = inTime(tandem.recordRun(summary('locked', 'run'))).finally(() => {
        isOver = true;
    });
    await until(() => isSummaryThere(dir, 'locked', 'run'));
    await inTime(run.set({}));
    await inTime(run.close());
    assert.equal((await inTime(tandem.recordRun(summary('other', 'run')))).runs, 1);
    assert.equal((await inTime(tandem.history({ taskId: 'locked' }))).total, 0);
    assert.equal(isOver, false);
    unlock(dir, 'locked');
    assert.equal((await waits).runs, 1);
});

test('runs that wait for one lock are recorded as one list', async () => {
    const { dir, tandem } = await givenTandem();
    lock(dir, 'task');
    const ids = Array.from({ length: 20 }, (_, number) => `run-${number}`);
    const waits = ids.map((id) => inTime(tandem.recordRun(summary('task', id))));
    await until(() => ids.every((id) => isSummaryThere(dir, 'task', id)));
    // One that comes later waits with them.
    waits.push(inTime(tandem.recordRun(summary('task', 'late'))));
    await until(() => isSummaryThere(dir, 'task', 'late'));
    unlock(dir, 'task');
    const counts = (await Promise.all(waits)).map(({ runs }) => runs);
    // The one that found the lock gone was tried alone.
    assert.deepEqual(counts.sort((a, b) => a - b), [1, ...Array(20).fill(21)]);
});

test('a lock is waited for as long as the caller said', async () => {
    const { dir, tandem } = await givenTandem();
    lock(dir, 'task');
    const wait = (runId, lockWaitMs) => tandem.recordRun(summary('task', runId), { lockWaitMs });
    const waits = inTime(wait('long', 3_600_000));
    for (const lockWaitMs of [0, 1, 100]) {
        const error = await failure(wait(`run-${lockWaitMs}`, lockWaitMs));
        assert.equal(error.kind, 'locked');
        assert.match(error.message, /, under a lease of 3600000 ms$/);
        assert.ok(isSummaryThere(dir, 'task', `run-${lockWaitMs}`));
    }
    const removal = await failure(tandem.removeRuns(['x'], { taskId: 'task', lockWaitMs: 1 }));
    assert.equal(removal.kind, 'locked');
    unlock(dir, 'task');
    assert.equal((await waits).runs, 1);
});

for (const [what, text] of [
    ['small', ''],
    ['large', 'x'.repeat(1_000_000)],
]) {
    test(`a lock is touched while the write of a ${what} history stands still`, async () => {
        const { dir, tandem, set, release } = await faulty('history-stands-still');
        set(true);
        const recorded = inTime(tandem.recordRun(summary('task', 'run', { text }), { leaseMs: 100 }));
        const touched = () => statSync(join(dir, '.runs', 'task.lock'), { bigint: true, throwIfNoEntry: false })?.mtimeNs;
        await inTime(until(() => touched() !== undefined));
        // A lock that is touched once may have been so before the write began.
        for (let touches = 0; touches < 3; touches += 1) {
            const before = touched();
            await inTime(until(() => touched() !== before));
        }
        // Nobody takes it over meanwhile.
        const other = await inTime(Tandem.create({ dir }));
        const error = await failure(other.recordRun(summary('task', 'other'), { lockWaitMs: 500 }));
        assert.equal(error.kind, 'locked');
        release();
        assert.equal((await recorded).runs, 1);
    });
}

test('as many as there are wait for one lock', async () => {
    const script = fileURLToPath(new URL('child/many.js', import.meta.url));
    // So small a stack has no room for all of them as arguments of one call.
    const args = ['--stack-size=100', script, directory()];
    const { isTimedOut, code, stdout, stderr } = await runNode(args, LIMIT_MS);
    assert.ok(!isTimedOut, 'it hangs');
    assert.deepEqual([code, stdout], [0, 'recorded\n'], stderr);
});

test('each of many instances records a run of one task', async () => {
    const dir = directory();
    const record = async (number) => {
        const tandem = await Tandem.create({ dir });
        try {
            return await tandem.recordRun(summary('task', `run-${number}`));
        } finally {
            await tandem.close();
        }
    };
    await inTime(Promise.all(Array.from({ length: INSTANCES }, (_, number) => record(number))));
    const { runs } = JSON.parse(readFileSync(join(dir, 'out', 'task', 'runs.json')));
    assert.equal(runs.length, INSTANCES);
});

test('a run that is open is left by a removal, and one that is being removed is opened after it', async () => {
    const { dir, tandem } = await givenTandem();
    const open = (runId) => inTime(tandem.openRun({ taskId: 'task', runId }));
    const [kept, gone] = [await open('kept'), await open('gone')];
    await inTime(tandem.history({ taskId: 'task' }));
    await inTime(gone.close());
    const removal = inTime(tandem.removeRuns(['gone', 'kept'], { taskId: 'task', aliveForMs: 0 }));
    // By then the removal is under way.
    await new Promise(setImmediate);
    const again = open('gone');
    const { runs, left } = await removal;
    assert.deepEqual([runs, left], [['gone'], [{ runId: 'kept', reason: 'open', failure: undefined }]]);
    await again;
    assert.ok(existsSync(join(dir, '.runs', 'task', 'cli', 'gone')));
    await inTime(kept.close());
});
