// What a host can break, and what is told of it.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Tandem, TandemError } from '../src/index.js';
import { faulty } from './fault/given.js';
import { BOTH, failure, inTime, summary, tandem as givenTandem } from './given.js';

const RUN = { taskId: 'task', runId: 'run' };

test('an error has every field', async () => {
    const { dir, tandem } = await givenTandem();
    const run = await inTime(tandem.openRun(RUN));
    await inTime(run.set({}));
    const place = join(dir, '.runs', 'task', 'cli', 'run');
    for (const name of ['manifest.json', '.heartbeat']) {
        mkdirSync(join(place, name));
    }
    const error = await failure(run.schedule(BOTH));
    assert.ok(error instanceof TandemError && error instanceof Error);
    assert.equal(error.name, 'TandemError');
    const { kind, channel, operation, path, code, retryable, holder, message, beside } = error;
    assert.deepEqual(
        { kind, channel, operation, path, code, retryable, holder, message, beside },
        {
            kind: 'storage',
            channel: 'manifest',
            operation: 'rename',
            path: '.runs/task/cli/run/manifest.json',
            code: 'is-directory',
            retryable: false,
            holder: undefined,
            message: 'cannot replace .runs/task/cli/run/manifest.json: is-directory',
            beside: {
                channel: 'heartbeat',
                operation: 'rename',
                path: '.runs/task/cli/run/.heartbeat',
                code: 'is-directory',
                retryable: false,
                message: 'cannot replace .runs/task/cli/run/.heartbeat: is-directory',
            },
        },
    );
    const { lastError } = await inTime(run.stats());
    assert.equal(lastError.beside.channel, 'heartbeat');
    for (const name of ['manifest.json', '.heartbeat']) {
        rmdirSync(join(place, name));
    }
    await inTime(run.close());
});

test('a second open of an open run is told', async () => {
    const { tandem } = await givenTandem();
    const run = await inTime(tandem.openRun(RUN));
    const error = await failure(tandem.openRun(RUN));
    assert.equal(error.kind, 'already-open');
    assert.equal(error.path, '.runs/task/cli/run');
    await inTime(run.close());
    assert.equal((await failure(run.set({}))).kind, 'closed');
});

test('an error of the disk is told by the name of its code', async () => {
    const { tandem, set } = await faulty('no-space-to-sync');
    const run = await inTime(tandem.openRun({ ...RUN, manifestIntervalMs: 0 }));
    await inTime(run.set({}));
    set(true);
    const error = await failure(run.schedule({ manifest: true, force: true }));
    assert.equal(error.code, 'insufficient-space');
    assert.equal(error.operation, 'sync');
    assert.equal(error.retryable, true);
    run.drop();
});

test('of syncs that are made side by side each tells its error', async () => {
    const { tandem, set } = await faulty('no-space-to-sync');
    const run = await inTime(tandem.openRun({ ...RUN, heartbeatDurability: 'durable' }));
    await inTime(run.set({}));
    await inTime(run.schedule(BOTH));
    set(true);
    const { channel, code, operation, beside } = await failure(run.schedule(BOTH));
    assert.deepEqual([channel, code, operation], ['manifest', 'insufficient-space', 'sync']);
    assert.deepEqual([beside.channel, beside.code], ['heartbeat', 'insufficient-space']);
    set(false);
    await inTime(run.close());
});

test('an error that WASI has no name for is told by what the system calls it', async () => {
    const { tandem, set } = await faulty('no-descriptor');
    const run = await inTime(tandem.openRun(RUN));
    await inTime(run.set({}));
    set(true);
    const error = await failure(run.schedule(BOTH));
    assert.equal(error.code, 'io');
    assert.match(error.message, /: io \(EMFILE: .*\)$/);
    assert.match(error.cause.message, /^EMFILE/);
    set(false);
    await inTime(run.flush());
    await inTime(run.close());
});

test('a write that stops in the middle fails that channel, and leaves the old file', async () => {
    const { dir, tandem, set } = await faulty('write-stops');
    const run = await inTime(tandem.openRun({ ...RUN, manifestIntervalMs: 3_600_000 }));
    await inTime(run.set({ n: 1 }));
    await inTime(run.schedule(BOTH));
    await inTime(run.set({ n: 2, text: 'x'.repeat(200_000) }));
    set(true);
    const error = await failure(run.schedule({ manifest: true, force: true }));
    assert.deepEqual([error.code, error.operation], ['io', 'write']);
    const manifest = join(dir, '.runs', 'task', 'cli', 'run', 'manifest.json');
    assert.equal(JSON.parse(readFileSync(manifest)).n, 1);
    set(false);
    await inTime(run.close());
    assert.equal(JSON.parse(readFileSync(manifest)).n, 2);
});

test('a short write is carried on', async () => {
    const { dir, tandem } = await faulty('short-writes');
    const run = await inTime(tandem.openRun(RUN));
    await inTime(run.set({ text: 'a text that is longer than seven bytes' }));
    await inTime(run.close());
    await inTime(tandem.recordRun(summary('task', 'run')));
    const manifest = join(dir, '.runs', 'task', 'cli', 'run', 'manifest.json');
    assert.equal(JSON.parse(readFileSync(manifest)).text, 'a text that is longer than seven bytes');
    assert.equal((await inTime(tandem.history({ taskId: 'task' }))).total, 1);
});

for (const [how, cause] of [
    ['mistake', /^a mistake$/],
    ['death', /^its thread ended with 7$/],
]) {
    test(`after the ${how} of a thread everything fails, and a new Tandem works`, async () => {
        const { dir, tandem, set } = await faulty(how);
        const run = await inTime(tandem.openRun(RUN));
        const other = await inTime(tandem.openRun({ ...RUN, runId: 'other', heartbeatIntervalMs: 3_600_000 }));
        await inTime(Promise.all([run.set({ n: 1 }), other.set({})]));
        await inTime(other.schedule({ heartbeat: true }));
        const closed = await inTime(tandem.openRun({ ...RUN, runId: 'closed' }));
        await inTime(closed.close());
        const waits = failure(other.schedule({ heartbeat: true }));
        await inTime(other.stats());
        set(true);
        const errors = await Promise.all([
            failure(run.schedule(BOTH)),
            failure(other.stats()),
            waits,
            failure(closed.stats()),
            failure(tandem.recordRun(summary('task', 'run'))),
        ]);
        for (const error of [...errors, await failure(run.stats()), await failure(tandem.openRun(RUN))]) {
            assert.ok(error instanceof TandemError);
            assert.equal(error.kind, 'component-failed');
            assert.match(error.message, /^the component failed: /);
            assert.equal(error.retryable, false);
            assert.match(error.cause.message, cause);
        }
        run.drop();
        other.drop();
        assert.equal((await failure(tandem.close())).kind, 'component-failed');

        const fresh = await inTime(Tandem.create({ dir }));
        const again = await inTime(fresh.openRun(RUN));
        await inTime(again.set({ n: 2 }));
        await inTime(again.schedule(BOTH));
        await inTime(again.close());
        await inTime(fresh.close());
    });
}

test('of two callers only the one whose channel failed is told', async () => {
    const { dir, tandem } = await givenTandem();
    const options = { ...RUN, manifestIntervalMs: 0, heartbeatIntervalMs: 3_600_000 };
    const run = await inTime(tandem.openRun(options));
    await inTime(run.schedule({ heartbeat: true }));
    await inTime(run.set({}));
    const place = join(dir, '.runs', 'task', 'cli', 'run', 'manifest.json');
    mkdirSync(place);
    const heartbeat = inTime(run.schedule({ heartbeat: true }));
    const error = await failure(run.schedule({ manifest: true }));
    assert.equal(error.channel, 'manifest');
    rmdirSync(place);
    await inTime(run.flush());
    assert.equal((await heartbeat).heartbeat.bytes, 25);
    await inTime(run.close());
});

test('a request that is refused keeps no other from its flush', async () => {
    const { tandem } = await givenTandem();
    const run = await inTime(tandem.openRun(RUN));
    const good = run.schedule({ heartbeat: true });
    const bad = failure(run.schedule({ manifest: true }));
    assert.equal((await bad).kind, 'invalid-input');
    assert.equal((await inTime(good)).heartbeat.bytes, 25);
    assert.equal((await inTime(run.stats())).requests, 1);
    await inTime(run.close());
});

test('a request that is refused has nothing written that is set after it', async () => {
    const { tandem } = await givenTandem();
    for (const [runId, ask] of [['a', (run) => run.schedule({ manifest: true })], ['b', (run) => run.mark({ manifest: true })]]) {
        const run = await inTime(tandem.openRun({ ...RUN, runId }));
        const bad = failure(ask(run));
        await inTime(run.set({ n: 1 }));
        assert.equal((await bad).kind, 'invalid-input');
        assert.equal((await inTime(run.stats())).flushes, 0);
        run.drop();
    }
});
