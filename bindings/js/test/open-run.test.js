// How calls of one run are put together, and who gets which outcome: with a thread that only listens.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { WRITTEN, flushed, listened, request } from './listened.js';

test('what waits behind a busy thread is one call with one flush', async () => {
    const { run, calls, start } = listened();
    const answers = [
        run.schedule(request({ manifest: true })),
        run.step('set', 'text', 4),
        run.flush(),
        run.schedule(request({ heartbeat: true })),
    ];
    assert.equal(calls.length, 1);
    const { told, flush } = start();
    assert.deepEqual(
        told.steps.map(({ name, value }) => [name, value]),
        [
            ['mark', request({ manifest: true })],
            ['set', 'text'],
            ['mark', request({ force: true })],
        ],
    );
    assert.deepEqual(told.last, { name: 'schedule', request: request({ heartbeat: true }) });
    flush(['manifest', 'heartbeat']);
    const [first, , second, third] = await Promise.all(answers);
    assert.deepEqual([second, third], [first, first]);
    assert.deepEqual((({ requests, coalesced }) => ({ requests, coalesced }))(await counted(run, start)), {
        requests: 3,
        coalesced: 2,
    });
});

async function counted(run, start) {
    const stats = run.stats();
    start().end();
    return stats;
}

test('a caller is parked until a flush took what it asked for', async () => {
    const { run, start } = listened();
    let isOver = false;
    const both = run.schedule(request({ manifest: true, heartbeat: true })).finally(() => {
        isOver = true;
    });
    start().end({ flushes: [flushed(['manifest'])], againMs: 3_600_000 });
    await new Promise(setImmediate);
    assert.equal(isOver, false);
    const forced = run.flush();
    start().flush(['heartbeat']);
    const { manifest, heartbeat } = await both;
    assert.deepEqual([manifest, heartbeat], [WRITTEN, WRITTEN]);
    assert.equal((await forced).manifest, undefined);
});

test('who adds nothing joins the flush in flight, and who is forced has one more', async () => {
    const { run, calls, start } = listened();
    const first = run.schedule(request({ manifest: true, force: true }));
    const flight = start();
    const joins = run.schedule(request({}));
    assert.equal(calls.length, 0);
    const forced = run.flush();
    assert.equal(calls.length, 1);
    flight.flush(['manifest']);
    // Nothing was dirty any more: it gets the outcome of the one in flight.
    start().flush([]);
    const receipt = await first;
    assert.deepEqual([await joins, await forced], [receipt, receipt]);
});

test('what is called after a close is told after it', async () => {
    const { run, calls, start } = listened();
    const [closed, again, late] = [run.close(), run.close(), run.step('set', '{}', 2)];
    assert.equal(calls.length, 2);
    start().flush(['manifest']);
    assert.deepEqual(await closed, await again);
    start().end();
    await late;
});
