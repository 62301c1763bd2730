// The order of what one flush asks of the disk.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { faulty, watched } from './fault/given.js';
import { BOTH, inTime } from './given.js';

const RUN = { taskId: 'task', runId: 'run' };

/** What a call asked of the disk. */
async function asked(log, call) {
    writeFileSync(log, '');
    await inTime(call());
    return readFileSync(log, 'utf8').trimEnd().split('\n');
}

test('both writes of a pair are made before either file is synced', async () => {
    const { tandem, log } = await watched();
    const run = await inTime(tandem.openRun({ ...RUN, heartbeatDurability: 'durable' }));
    await inTime(run.set({ text: 'x'.repeat(100_000) }));
    await inTime(run.schedule(BOTH));
    assert.deepEqual(await asked(log, () => run.schedule(BOTH)), [
        'open manifest',
        'open heartbeat',
        'write manifest',
        'write heartbeat',
        'sync manifest',
        'sync heartbeat',
        'rename manifest',
        'rename heartbeat',
        'sync directory manifest',
    ]);
    await inTime(run.close());
});

test('a durable write is synced before it is renamed, and its directory after that', async () => {
    const { tandem, log } = await watched();
    const run = await inTime(tandem.openRun(RUN));
    await inTime(run.set({}));
    await inTime(run.schedule({ manifest: true, force: true }));
    await inTime(run.set({ n: 1 }));
    const steps = ['open', 'write', 'sync', 'rename', 'sync directory'].map((step) => `${step} manifest`);
    assert.deepEqual(await asked(log, () => run.schedule({ manifest: true, force: true })), steps);
    await inTime(run.close());
});

test('of a pair whose files are both synced, the syncs are made side by side', async () => {
    const { tandem } = await faulty('syncs-meet');
    const run = await inTime(tandem.openRun({ ...RUN, heartbeatDurability: 'durable' }));
    await inTime(run.set({}));
    // Each of them ends when the other one was begun.
    const { manifest, heartbeat } = await inTime(run.schedule(BOTH));
    assert.deepEqual([manifest.reached, heartbeat.reached], ['durable', 'durable']);
    await inTime(run.close());
});
