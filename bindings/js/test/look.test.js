// What is told of a run, and of requests that nobody waits for.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { TandemError } from '../src/index.js';
import { faulty } from './fault/given.js';
import { failure, inTime, tandem as givenTandem } from './given.js';
import { listened, request } from './listened.js';

const RUN = { taskId: 'task', runId: 'run' };
const manifestOf = (dir) => join(dir, '.runs', 'task', 'cli', 'run', 'manifest.json');

test('what is read after a flush in the same tick is what it wrote', async () => {
    const { tandem } = await givenTandem();
    const run = await inTime(tandem.openRun(RUN));
    const calls = [run.set({ n: 1 }), run.flush(), run.written(), run.stats(), run.set({ n: 2 }), run.written()];
    const [, , written, { writtenRevision, manifest }, , later] = await inTime(Promise.all(calls));
    assert.deepEqual([written, writtenRevision, manifest.dirty, later], [{ n: 1 }, 1, false, { n: 1 }]);
    await inTime(run.close());
});

test('a mark of a run that is closed or dropped is not an error that ends the process', async () => {
    const { tandem } = await givenTandem();
    const run = await inTime(tandem.openRun(RUN));
    const closed = run.close();
    assert.equal(await inTime(run.mark({ heartbeat: true })), undefined);
    await inTime(closed);
    assert.equal(await inTime(run.mark({ heartbeat: true })), undefined);
    assert.equal((await failure(run.schedule({ heartbeat: true }))).kind, 'closed');
    run.drop();
    assert.equal(await inTime(run.mark({ heartbeat: true })), undefined);
    await inTime(tandem.close());
    assert.equal(await inTime(run.mark({ heartbeat: true })), undefined);
    assert.equal((await failure(run.mark({ heartbeat: 1 }))).kind, 'invalid-input');
});

test('a mark that meets the death of its thread is not an error that ends the process', async () => {
    const { tandem, set } = await faulty('death');
    const run = await inTime(tandem.openRun(RUN));
    set(true);
    const flushed = failure(run.schedule({ heartbeat: true }));
    assert.equal(await inTime(run.mark({ heartbeat: true })), undefined);
    assert.equal((await flushed).kind, 'component-failed');
    assert.equal(await inTime(run.mark({ heartbeat: true })), undefined);
});

test('marks that no flush has taken are counted, and take no memory', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc');
    const { run, start } = listened();
    const requests = [];
    const mark = async (flags) => {
        const made = request(flags);
        requests.push(new WeakRef(made));
        const marked = run.mark(made);
        // Not due yet.
        start().flush([]);
        await marked;
    };
    for (const flags of [{ manifest: true }, { heartbeat: true }, { manifest: true, heartbeat: true }, {}]) {
        await mark(flags);
    }
    await new Promise(setImmediate);
    gc();
    assert.equal(requests.filter((request) => request.deref() !== undefined).length, 0);

    const counted = async () => {
        const stats = run.stats();
        start().end();
        const { requests: made, coalesced } = await stats;
        return { made, coalesced };
    };
    run.flush();
    start().flush(['heartbeat']);
    // With the flush there are those of the heartbeat, of both, and of none.
    assert.deepEqual(await counted(), { made: 5, coalesced: 3 });
    run.flush();
    start().flush(['manifest']);
    assert.deepEqual(await counted(), { made: 6, coalesced: 4 });
});

test('a manifest that somebody else wrote is read, or is an error of this package', async () => {
    const { dir, tandem } = await givenTandem();
    const run = await inTime(tandem.openRun(RUN));
    writeFileSync(manifestOf(dir), '\uFEFF{"n":1}');
    assert.deepEqual(await inTime(run.written()), { n: 1 });
    writeFileSync(manifestOf(dir), '{torn');
    const error = await failure(run.written());
    assert.ok(error instanceof TandemError);
    assert.deepEqual(
        [error.kind, error.channel, error.operation, error.code, error.retryable],
        ['storage', 'manifest', 'read', 'illegal-byte-sequence', false],
    );
    assert.match(error.message, /^the manifest in \.runs\/task\/cli\/run is no JSON: /);
    assert.ok(error.cause instanceof SyntaxError);
    assert.equal(await inTime(run.written({ text: true })), '{torn');
    run.drop();
});
