// What a host can break, and what is told of it.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Tandem as PublicTandem, TandemError } from '../src/index.js';
import { Instance } from '../src/instance.js';
import { limitsOf } from '../src/limits.js';
import { Tandem } from '../src/tandem.js';
import { Descriptor } from '../src/wasi/descriptor.js';
import { WasiError } from '../src/wasi/error.js';
import { wasiFor } from '../src/wasi/index.js';
import { BOTH, directory, failure, inTime, summary, tandem as givenTandem } from './given.js';

const RUN = { taskId: 'task', runId: 'run' };

/** A component whose calls of a descriptor's method go to something else. */
async function broken(dir, method, replacement) {
    class Broken extends Descriptor {
        [method](...args) {
            return replacement.call(this, (...rest) => super[method](...rest), ...args);
        }
    }
    return new Tandem(await Instance.create(wasiFor(dir, Broken)));
}

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
    const tandem = await broken(directory(), 'syncData', () => {
        const full = Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'fdatasync' });
        throw WasiError.from(full);
    });
    const run = await inTime(tandem.openRun({ ...RUN, manifestIntervalMs: 0 }));
    await inTime(run.set({}));
    const error = await failure(run.schedule({ manifest: true, force: true }));
    assert.equal(error.code, 'insufficient-space');
    assert.equal(error.operation, 'sync');
    assert.equal(error.retryable, true);
    run.drop();
});

test('too many open files are an error, and the component goes on', async () => {
    let isFull = false;
    const tandem = await broken(directory(), 'openAt', async (openAt, ...args) => {
        if (isFull) {
            const error = Object.assign(new Error('EMFILE'), { code: 'EMFILE', syscall: 'open' });
            throw WasiError.from(error);
        }
        return openAt(...args);
    });
    const run = await inTime(tandem.openRun(RUN));
    await inTime(run.set({}));
    isFull = true;
    assert.equal((await failure(run.schedule(BOTH))).code, 'other');
    isFull = false;
    await inTime(run.flush());
    await inTime(run.close());
});

test('a write that stops in the middle fails that channel, and leaves the old file', async () => {
    const dir = directory();
    let isBroken = false;
    const tandem = await broken(dir, 'writeViaStream', async (write, data, offset) => {
        if (isBroken) {
            await data.read({ count: 1 });
            data[Symbol.dispose]();
            throw new WasiError('io');
        }
        return write(data, offset);
    });
    const run = await inTime(tandem.openRun({ ...RUN, manifestIntervalMs: 3_600_000 }));
    await inTime(run.set({ n: 1 }));
    await inTime(run.schedule(BOTH));
    await inTime(run.set({ n: 2, text: 'x'.repeat(200_000) }));
    isBroken = true;
    const error = await failure(run.schedule({ manifest: true, force: true }));
    assert.deepEqual([error.code, error.operation], ['io', 'write']);
    const manifest = join(dir, '.runs', 'task', 'cli', 'run', 'manifest.json');
    assert.equal(JSON.parse(readFileSync(manifest)).n, 1);
    isBroken = false;
    await inTime(run.close());
    assert.equal(JSON.parse(readFileSync(manifest)).n, 2);
});

test('a component whose limits are refused is given up', async () => {
    let isAbandoned = false;
    const wasi = wasiFor(directory());
    const abandon = () => {
        isAbandoned = true;
        wasi.abandon();
    };
    const limits = limitsOf({ maxDocumentBytes: 2n, maxTotalDocumentBytes: 1n });
    const error = await failure(Instance.create({ ...wasi, abandon }, limits));
    assert.deepEqual([error.kind, isAbandoned], ['invalid-input', true]);
});

test('a component that failed says so from then on, and a new one works', async () => {
    const dir = directory();
    let isBroken = false;
    const tandem = await broken(dir, 'openAt', async (openAt, ...args) => {
        if (isBroken) {
            throw new TypeError('a mistake');
        }
        return openAt(...args);
    });
    const run = await inTime(tandem.openRun(RUN));
    const other = await inTime(tandem.openRun({ ...RUN, runId: 'other' }));
    await inTime(Promise.all([run.set({ n: 1 }), other.set({})]));
    isBroken = true;
    const errors = await Promise.all([
        failure(run.schedule(BOTH)),
        failure(other.schedule(BOTH)),
        failure(tandem.recordRun(summary('task', 'run'), { taskId: 'task' })),
    ]);
    for (const error of [...errors, await failure(run.stats()), await failure(tandem.openRun(RUN))]) {
        assert.ok(error instanceof TandemError);
        assert.equal(error.kind, 'component-failed');
        assert.match(error.message, /^the component failed: a mistake/);
        assert.equal(error.retryable, false);
        assert.equal(error.cause.message, 'a mistake');
    }
    run.drop();
    other.drop();

    const fresh = await inTime(PublicTandem.create({ dir }));
    const again = await inTime(fresh.openRun(RUN));
    await inTime(again.set({ n: 2 }));
    await inTime(again.schedule(BOTH));
    await inTime(again.close());
});
