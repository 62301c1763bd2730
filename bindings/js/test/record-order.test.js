// In which order records and removals of one run are made.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { inTime, lock, summary, tandem as givenTandem, unlock } from './given.js';

const LOOK_MS = 5;

const valuesOf = async (tandem) => (await inTime(tandem.history({ taskId: 'task' }))).runs.map(({ v }) => v);

/** Records a run that waits for a lock. */
async function waiting(dir, tandem, runId, more, options) {
    const waits = inTime(tandem.recordRun(summary('task', runId, more), options));
    while (!existsSync(join(dir, '.runs', 'task', runId, 'manifest.json'))) {
        await sleep(LOOK_MS);
    }
    // What is asked now is answered after the try that met the lock.
    await inTime(tandem.history({ taskId: 'task' }));
    return { waits };
}

for (const [how, options] of [
    ['the same options', {}],
    ['other options', { keepLast: 10 }],
]) {
    test(`a record with ${how} does not overtake one of its run that waits for a lock`, async () => {
        const { dir, tandem } = await givenTandem();
        lock(dir, 'task');
        const { waits } = await waiting(dir, tandem, 'run', { v: 1 });
        unlock(dir, 'task');
        await Promise.all([inTime(tandem.recordRun(summary('task', 'run', { v: 2 }), options)), waits]);
        assert.deepEqual(await valuesOf(tandem), [2]);
        await inTime(tandem.close());
    });
}

test('a removal does not overtake a record that waits for a lock', async () => {
    const { dir, tandem } = await givenTandem();
    lock(dir, 'task');
    const { waits } = await waiting(dir, tandem, 'run', { v: 1 });
    unlock(dir, 'task');
    const removal = tandem.removeRuns(['run'], { taskId: 'task', aliveForMs: 0, fromHistory: true });
    await Promise.all([inTime(removal), waits]);
    assert.deepEqual(await valuesOf(tandem), []);
    await inTime(tandem.close());
});

test('a record that comes after a removal is made after it', async () => {
    const { tandem } = await givenTandem();
    await inTime(
        Promise.all([
            tandem.recordRun(summary('task', 'run', { v: 1 })),
            tandem.removeRuns(['run'], { taskId: 'task', aliveForMs: 0, fromHistory: true }),
            tandem.recordRun(summary('task', 'run', { v: 2 })),
        ]),
    );
    assert.deepEqual(await valuesOf(tandem), [2]);
    await inTime(tandem.close());
});
