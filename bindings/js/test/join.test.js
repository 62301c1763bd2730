// Who joins the flush in flight, and what is kept of calls that are over: with a thread that only listens.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { failure, inTime } from './given.js';
import { listened, request } from './listened.js';

const CLOSED = { kind: 'closed', message: 'the run is closed' };
const NO_DOCUMENT = { kind: 'invalid-input', message: 'there is no document' };

test('a request without flags joins no flush that lacks a change made before it', async () => {
    const { run, calls, start } = listened();
    const first = run.flush();
    const flight = start();
    run.step('set', 'text', 4);
    const scheduled = run.schedule(request({}));
    assert.equal(calls.length, 1);
    flight.flush(['manifest'], 1);
    start().flush(['manifest'], 2);
    assert.deepEqual([(await first).revision, (await scheduled).revision], [1, 2]);
});

test('a request without flags joins no flush while changes wait that are too large for one call', async () => {
    const { run, calls, start } = listened();
    run.flush();
    const flight = start();
    run.step('set', 'first', 9 << 20);
    run.step('set', 'second', 9 << 20);
    assert.equal(calls.length, 2);
    const scheduled = run.schedule(request({}));
    flight.flush(['manifest'], 1);
    // Both are told in one message.
    const [one, other] = [start(), start()];
    const late = run.schedule(request({}));
    assert.equal(calls.length, 0);
    one.end();
    other.flush(['manifest'], 3);
    assert.deepEqual([(await scheduled).revision, (await late).revision], [3, 3]);
});

test('a request without flags joins no flush that is followed by a change in the same message', async () => {
    const { run, calls, start } = listened();
    run.step('set', 'first', 9 << 20);
    run.flush();
    run.step('set', 'second', 9 << 20);
    const [one, other] = [start(), start()];
    const scheduled = run.schedule(request({}));
    assert.equal(calls.length, 1);
    one.flush(['manifest'], 1);
    other.end();
    start().flush(['manifest'], 2);
    assert.equal((await scheduled).revision, 2);
});

test('after a failure of the thread every call is told, also those that are too large for one', async () => {
    const { run } = listened();
    const steps = ['first', 'second'].map((text) => failure(run.step('set', text, 9 << 20)));
    run.fail(() => new Error('the thread is gone'));
    for (const error of await Promise.all(steps)) {
        assert.equal(error.message, 'the thread is gone');
    }
});

test('who joined a request that is refused has a flush of its own', async () => {
    const { run, calls, start } = listened();
    const refused = failure(run.schedule(request({ manifest: true })));
    const flight = start();
    const joined = run.schedule(request({}));
    flight.end({ refused: NO_DOCUMENT, flushes: [] });
    assert.equal((await refused).kind, 'invalid-input');
    assert.equal(calls.length, 1);
    const own = start();
    assert.deepEqual(own.told.last, { name: 'schedule', request: request({}) });
    own.flush([]);
    assert.equal((await inTime(joined)).revision, undefined);
});

test('who joined a request that a closed run refused is refused too', async () => {
    const { run, calls, start } = listened();
    const refused = failure(run.schedule(request({ heartbeat: true })));
    const flight = start();
    const joined = failure(run.schedule(request({})));
    flight.end({ refused: CLOSED, flushes: [] });
    assert.deepEqual([(await refused).kind, (await joined).kind, calls.length], ['closed', 'closed', 0]);
});

test('who joined a request that is refused is told that the run was dropped meanwhile', async () => {
    const { run, start } = listened();
    const refused = failure(run.schedule(request({ manifest: true })));
    const flight = start();
    const joined = failure(run.schedule(request({})));
    run.drop();
    flight.end({ refused: NO_DOCUMENT, flushes: [] });
    await refused;
    assert.match((await joined).message, /dropped/);
});

test('of a call that is over nothing stays but what it wrote, however calls overlap', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc');
    const { run, start } = listened();
    const texts = [];
    const change = () => {
        const text = { of: 'a document' };
        texts.push(new WeakRef(text));
        run.step('set', text, 4);
        run.flush();
    };
    change();
    let flight = start();
    for (let revision = 1; revision < 10; revision += 1) {
        // Each is made while the one before it is in flight.
        change();
        flight.flush(['manifest'], revision);
        flight = start();
    }
    // What a promise or a weak reference was asked for stays until the end of the tick.
    await new Promise(setImmediate);
    gc();
    const kept = texts.slice(0, -1).filter((text) => text.deref() !== undefined);
    assert.equal(kept.length, 0);
    flight.flush(['manifest'], 10);
});
