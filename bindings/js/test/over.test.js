// What can be called of a run that is dropped or closed, alone or with its Tandem.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { createIn } from '../src/tandem.js';
import { HOLDS, IS_HELD, IS_RELEASED } from './fault/held.js';
import { directory, failure, inTime, tandem as givenTandem } from './given.js';

const RUN = { taskId: 'task', runId: 'run' };
const EMPTY = { manifest: undefined, heartbeat: undefined, revision: undefined };
const module = new URL('fault/held.js', import.meta.url).href;

/** A Tandem with a run whose manifest is being replaced, until it is released. */
async function held() {
    const dir = directory();
    const words = new Int32Array(new SharedArrayBuffer(12));
    const tandem = await inTime(createIn(dir, {}, { module, shared: { words } }));
    const options = { ...RUN, manifestName: 'held.json', manifestIntervalMs: 0 };
    const run = await inTime(tandem.openRun(options));
    const hold = async () => {
        Atomics.store(words, HOLDS, 1);
        const flushed = run.flush();
        await inTime(Atomics.waitAsync(words, IS_HELD, 0).value);
        Atomics.store(words, HOLDS, 0);
        return { flushed };
    };
    const release = () => {
        Atomics.store(words, IS_RELEASED, 1);
        Atomics.notify(words, IS_RELEASED);
    };
    const manifest = () => JSON.parse(readFileSync(join(dir, '.runs/task/cli/run/held.json'), 'utf8'));
    return { tandem, options, run, hold, release, manifest };
}

test('a run that is dropped keeps its place until what was under way is over', async () => {
    const { tandem, options, run, hold, release, manifest } = await held();
    // So many that a second thread has fewer than the first one, and would have the next run.
    const others = [];
    for (const runId of ['a', 'b', 'c', 'd']) {
        others.push(await inTime(tandem.openRun({ taskId: 'task', runId })));
    }
    const apart = others.at(-1);
    await inTime(run.set({ n: 'old' }));
    const { flushed } = await hold();
    run.drop();
    let isOpen = false;
    const opening = tandem.openRun(options).then((opened) => {
        isOpen = true;
        return opened;
    });
    // On the other thread this comes after whatever was called before it.
    await inTime(apart.stats());
    await inTime(apart.stats());
    assert.equal(isOpen, false);
    release();
    const again = await inTime(opening);
    assert.deepEqual(again.recovery.document, { n: 'old' });
    await inTime(again.set({ n: 'new' }));
    await inTime(Promise.all([again.flush(), flushed]));
    assert.deepEqual(manifest(), { n: 'new' });
    await inTime(tandem.close());
});

test('a Tandem is closed although a run of it is being dropped, and what is under way ends first', async () => {
    const { tandem, run, hold, release, manifest } = await held();
    await inTime(run.set({ n: 1 }));
    const { flushed } = await hold();
    run.drop();
    const closed = tandem.close();
    release();
    await inTime(closed);
    assert.equal((await inTime(flushed)).revision, 1);
    assert.deepEqual(manifest(), { n: 1 });
    assert.equal((await failure(run.close())).kind, 'closed');
    await inTime(run[Symbol.asyncDispose]());
});

test('after its Tandem is closed a run can be closed, and tells its stats', async () => {
    const { tandem } = await givenTandem();
    const run = await inTime(tandem.openRun(RUN));
    const before = await inTime(tandem.openRun({ ...RUN, runId: 'before' }));
    await inTime(Promise.all([run.set({ n: 1 }), before.set({}), before.close()]));
    await inTime(tandem.close());
    for (const each of [run, before]) {
        assert.deepEqual(await inTime(each.close()), EMPTY);
        await inTime(each[Symbol.asyncDispose]());
        const { revision, writtenRevision, manifest } = await inTime(each.stats());
        assert.deepEqual([revision, writtenRevision, manifest.writes, manifest.dirty], [1, 1, 1, false]);
    }
    assert.equal((await failure(run.flush())).kind, 'closed');
});

test('a run that is closed while its Tandem is gets the outcome of that', async () => {
    const { tandem } = await givenTandem();
    const run = await inTime(tandem.openRun(RUN));
    await inTime(run.set({ n: 1 }));
    const closed = tandem.close();
    assert.equal((await inTime(run.close())).revision, 1);
    await inTime(closed);
});

test('a run that could not be closed with its Tandem tells why', async () => {
    const { dir, tandem } = await givenTandem();
    const run = await inTime(tandem.openRun(RUN));
    await inTime(run.set({}));
    mkdirSync(join(dir, '.runs', 'task', 'cli', 'run', 'manifest.json'));
    assert.equal((await failure(tandem.close())).code, 'is-directory');
    assert.equal((await failure(run.close())).code, 'is-directory');
});
