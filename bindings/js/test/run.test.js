import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { Tandem } from '../src/index.js';
import { BOTH, directory, failure, inTime, tandem as givenTandem } from './given.js';

const manifestOf = (dir, task, run) =>
    readFileSync(join(dir, '.runs', task, 'cli', run, 'manifest.json'), 'utf8');

test('a run is kept on the disk from open to close', async () => {
    const { dir, tandem } = await givenTandem();
    const run = await inTime(tandem.openRun({ taskId: 'task', runId: 'run' }));
    assert.deepEqual(run.recovery, {
        directory: '.runs/task/cli/run',
        document: undefined,
        documentText: undefined,
        heartbeat: undefined,
        heartbeatAgeMs: undefined,
        swept: 0,
        setAside: [],
    });

    const set = await inTime(run.set({ status: 'in_progress', n: 1 }));
    assert.deepEqual(set, { revision: 1, bytes: 40 });
    assert.deepEqual(await inTime(run.schedule(BOTH)), {
        manifest: { reached: 'durable', bytes: 40 },
        heartbeat: { reached: 'visible', bytes: 25 },
        revision: 1,
    });
    assert.deepEqual(await inTime(run.merge({ status: 'succeeded', n: null })), {
        revision: 2,
        bytes: 28,
    });
    const closed = await inTime(run.close());
    assert.equal(closed.manifest.reached, 'durable');
    assert.equal(manifestOf(dir, 'task', 'run'), '{\n  "status": "succeeded"\n}\n');

    const again = await inTime(tandem.openRun({ taskId: 'task', runId: 'run' }));
    assert.deepEqual(again.recovery.document, { status: 'succeeded' });
    assert.equal(again.recovery.documentText, '{\n  "status": "succeeded"\n}\n');
    assert.match(again.recovery.heartbeat, /^\d{4}-.*Z$/);
    assert.equal(typeof again.recovery.heartbeatAgeMs, 'number');
    await inTime(again.close());
});

test('the text of a document is kept byte for byte in its keys and numbers', async () => {
    const { dir, tandem } = await givenTandem();
    const run = await inTime(tandem.openRun({ taskId: 'task', runId: 'run' }));
    await inTime(run.set('{"b":1.50,"a":12345678901234567890,"b":"\\u00e9"}'));
    await inTime(run.close());
    assert.equal(
        manifestOf(dir, 'task', 'run'),
        '{\n  "b": 1.50,\n  "a": 12345678901234567890,\n  "b": "\\u00e9"\n}\n',
    );
});

test('what was written can be read back, as an object or as text', async () => {
    const { tandem } = await givenTandem();
    const run = await inTime(tandem.openRun({ taskId: 'task', runId: 'run' }));
    assert.equal(await inTime(run.written()), undefined);
    await inTime(run.set({ a: { b: 1 } }));
    await inTime(run.merge({ a: { c: 2 } }));
    await inTime(run.flush());
    await inTime(run.merge({ a: null }));
    assert.deepEqual(await inTime(run.written()), { a: { b: 1, c: 2 } });
    await inTime(run.flush());
    assert.equal(await inTime(run.written({ text: true })), '{}\n');
    await inTime(run.close());
});

test('a request can be left out', async () => {
    const { tandem } = await givenTandem();
    const run = await inTime(tandem.openRun({ taskId: 'task', runId: 'run' }));
    await inTime(run.set({}));
    assert.equal((await inTime(run.schedule())).manifest.reached, 'durable');
    await inTime(run.mark());
    assert.deepEqual(await inTime(run.schedule({})), { manifest: undefined, heartbeat: undefined, revision: undefined });
    await inTime(run.close());
});

test('a run that was dropped in its block is not closed at its end', async () => {
    const { tandem } = await givenTandem();
    const run = await inTime(tandem.openRun({ taskId: 'task', runId: 'run' }));
    await inTime(run.set({ n: 1 }));
    run.drop();
    await inTime(run[Symbol.asyncDispose]());
    await inTime(tandem.close());
});

test('to close a Tandem closes its runs', async () => {
    const { dir, tandem } = await givenTandem();
    await inTime(tandem.openRun({ taskId: 'task', runId: 'run' }).then((run) => run.set({ n: 1 })));
    await inTime(tandem.close());
    assert.equal(manifestOf(dir, 'task', 'run'), '{\n  "n": 1\n}\n');
});

test('every option reaches the component', async () => {
    const { dir, tandem } = await givenTandem();
    const run = await inTime(
        tandem.openRun({
            taskId: 'task',
            runId: 'run',
            manifestIntervalMs: 0n,
            heartbeatIntervalMs: 0,
            manifestDurability: 'visible',
            heartbeatDurability: 'durable',
            maxDocumentBytes: 100,
            sweepAfterMs: 2n ** 64n - 1n,
            runsRoot: 'all',
            manifestName: 'm.json',
            heartbeatName: 'h',
        }),
    );
    await inTime(run.set({}));
    const receipt = await inTime(run.schedule({ manifest: true, heartbeat: true }));
    assert.equal(receipt.manifest.reached, 'visible');
    assert.equal(receipt.heartbeat.reached, 'durable');
    assert.equal(readFileSync(join(dir, 'all', 'task', 'cli', 'run', 'm.json'), 'utf8'), '{}\n');
    assert.equal(readFileSync(join(dir, 'all', 'task', 'cli', 'run', 'h'), 'utf8').length, 25);
    assert.equal((await failure(run.set({ text: 'x'.repeat(100) }))).kind, 'too-large');
    await inTime(run.close());
});

test('what is marked is written, and is not waited for', async () => {
    const { dir, tandem } = await givenTandem();
    const run = await inTime(tandem.openRun({ taskId: 'task', runId: 'run' }));
    await inTime(run.set({ n: 1 }));
    assert.equal(await inTime(run.mark({ manifest: true, force: true })), undefined);
    await inTime(run.flush());
    assert.equal(manifestOf(dir, 'task', 'run'), '{\n  "n": 1\n}\n');
    assert.equal((await inTime(run.stats())).requests, 2);
    await inTime(run.close());
});

test('stats are numbers, of a closed run too', async () => {
    const { tandem } = await givenTandem();
    const run = await inTime(tandem.openRun({ taskId: 'task', runId: 'run' }));
    await inTime(run.set({}));
    await inTime(run.schedule(BOTH));
    await inTime(run.close());
    const stats = await inTime(run.stats());
    assert.equal(stats.flushes, 1);
    assert.deepEqual([stats.revision, stats.writtenRevision], [1, 1]);
    assert.equal(stats.manifest.bytes, 3);
    assert.equal(stats.heartbeat.writes, 1);
    assert.equal(stats.lastError, undefined);
});

test('a run is closed at the end of its block', async () => {
    const { dir, tandem } = await givenTandem();
    const run = await inTime(tandem.openRun({ taskId: 'task', runId: 'run' }));
    await inTime(run.set({ n: 1 }));
    // What `await using` calls, which Node 20 and 22 do not read.
    await inTime(run[Symbol.asyncDispose]());
    assert.equal(manifestOf(dir, 'task', 'run'), '{\n  "n": 1\n}\n');
});

test('a run that is dropped lets its calls end, and can be opened again', async () => {
    const { tandem } = await givenTandem();
    const run = await inTime(tandem.openRun({ taskId: 'task', runId: 'run' }));
    await inTime(run.set({}));
    const flushing = run.schedule(BOTH);
    run.drop();
    run.drop();
    assert.equal((await inTime(flushing)).manifest.reached, 'durable');
    assert.equal((await failure(run.flush())).kind, 'closed');
    await inTime((await inTime(tandem.openRun({ taskId: 'task', runId: 'run' }))).close());
});

test('the directory can be a file URL', async () => {
    const dir = directory();
    const tandem = await inTime(Tandem.create({ dir: pathToFileURL(dir) }));
    const run = await inTime(tandem.openRun({ taskId: 'task', runId: 'run' }));
    await inTime(run.set({}));
    await inTime(run.close());
    assert.equal(manifestOf(dir, 'task', 'run'), '{}\n');
});

test('twenty-four runs flush at the same time', async () => {
    const { dir, tandem } = await givenTandem();
    const numbers = Array.from({ length: 24 }, (_, number) => number);
    const runs = await inTime(
        Promise.all(numbers.map((n) => tandem.openRun({ taskId: 'task', runId: `run-${n}` }))),
    );
    for (let round = 0; round < 3; round += 1) {
        await inTime(
            Promise.all(
                runs.map(async (run, n) => {
                    await run.set({ n, round, text: 'x'.repeat(n * 1000) });
                    await run.schedule(BOTH);
                }),
            ),
        );
    }
    for (const n of numbers) {
        const { n: kept, round } = JSON.parse(manifestOf(dir, 'task', `run-${n}`));
        assert.deepEqual({ kept, round }, { kept: n, round: 2 });
    }
    await inTime(Promise.all(runs.map((run) => run.close())));
});
