// The order of what one flush asks of the disk.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Instance } from '../src/instance.js';
import { Tandem } from '../src/tandem.js';
import { Descriptor } from '../src/wasi/descriptor.js';
import { wasiFor } from '../src/wasi/index.js';
import { BOTH, directory, inTime } from './given.js';

const WATCHED = ['writeViaStream', 'syncData', 'renameAt', 'sync'];

/** A component that tells what it asks of the disk, and when it has been done. */
async function watched() {
    const events = [];
    class Watched extends Descriptor {}
    for (const name of WATCHED) {
        Watched.prototype[name] = async function watch(...args) {
            events.push(`${name} starts`);
            await Descriptor.prototype[name].apply(this, args);
            events.push(`${name} ends`);
        };
    }
    const tandem = new Tandem(await Instance.create(wasiFor(directory(), Watched)));
    return { tandem, events };
}

test('both writes of a pair start before either is waited for', async () => {
    const { tandem, events } = await watched();
    const run = await inTime(tandem.openRun({ taskId: 'task', runId: 'run' }));
    await inTime(run.set({ text: 'x'.repeat(100_000) }));
    events.length = 0;
    await inTime(run.schedule(BOTH));
    const writes = events.filter((event) => event.startsWith('writeViaStream'));
    assert.deepEqual(writes.slice(0, 2), ['writeViaStream starts', 'writeViaStream starts']);
    await inTime(run.close());
});

test('a durable write is synced before it is renamed, and its directory after that', async () => {
    const { tandem, events } = await watched();
    const run = await inTime(tandem.openRun({ taskId: 'task', runId: 'run' }));
    await inTime(run.set({}));
    await inTime(run.schedule({ manifest: true, force: true }));
    events.length = 0;
    await inTime(run.set({ n: 1 }));
    await inTime(run.schedule({ manifest: true, force: true }));
    assert.deepEqual(
        events,
        WATCHED.flatMap((name) => [`${name} starts`, `${name} ends`]),
    );
    await inTime(run.close());
});
