import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { directory, failure, inTime, lock, summary, tandem as givenTandem } from './given.js';
import { runNode } from './process.js';

const LIMIT_MS = 120_000;

test('a recorded run is in its summary and its history', async () => {
    const { dir, tandem } = await givenTandem();
    const first = await inTime(
        tandem.recordRun('{"taskId":"task","runId":"a","timestamp":"2026-01-01T00:00:00Z","n":1.0}'),
    );
    assert.equal(first.runs, 1);
    assert.deepEqual(first.ahead, []);
    assert.equal(first.summary.reached, 'durable');
    const second = summary('task', 'b', { timestamp: '2026-01-02T00:00:00Z' });
    const options = { taskId: 'task', keepLast: 1, lockWaitMs: 1000n, historyDurability: 'visible' };
    const recorded = await inTime(tandem.recordRun(second, options));
    assert.deepEqual([recorded.runs, recorded.history.reached], [1, 'visible']);

    const history = await inTime(tandem.history({ taskId: 'task', limit: 5 }));
    assert.equal(history.lastRunAt, '2026-01-02T00:00:00Z');
    assert.equal(history.total, 1);
    assert.deepEqual(history.runs.map(({ runId }) => runId), ['b']);
    const { runs: texts } = await inTime(tandem.history({ taskId: 'task', text: true }));
    assert.deepEqual(texts.map((text) => JSON.parse(text).runId), ['b']);
    const kept = readFileSync(join(dir, '.runs', 'task', 'a', 'manifest.json'), 'utf8');
    assert.match(kept, /"n": 1\.0\n}$/);
});

test('a run whose clock is behind stays in its history, and those ahead of it are told', async () => {
    const { tandem } = await givenTandem();
    const at = (runId, year) => summary('task', runId, { timestamp: `${year}-01-01T00:00:00Z` });
    await inTime(tandem.recordRun(at('a', 2030)));
    await inTime(tandem.recordRun(at('b', 2031)));
    const { runs, ahead } = await inTime(tandem.recordRun(at('c', 2026), { keepLast: 2 }));
    assert.deepEqual([runs, ahead], [2, ['b']]);
});

test('a lock that another one keeps is told with its holder', async () => {
    const { dir, tandem } = await givenTandem();
    lock(dir, 'task');
    const error = await failure(tandem.recordRun(summary('task', 'a'), { lockWaitMs: 0 }));
    assert.deepEqual([error.kind, error.retryable], ['locked', true]);
    assert.deepEqual(error.holder, { acquiredAt: undefined, leaseMs: 3_600_000 });
});

test('sixteen runs recorded at the same time are all kept', async () => {
    const { tandem } = await givenTandem();
    const ids = Array.from({ length: 16 }, (_, number) => `run-${number}`);
    const record = (runId) => tandem.recordRun(summary('task', runId), { taskId: 'task' });
    await inTime(Promise.all(ids.map(record)));
    const { runs } = await inTime(tandem.history({ taskId: 'task' }));
    assert.deepEqual(runs.map(({ runId }) => runId).sort(), ids.sort());
});

test('runs that two processes record at the same time are all kept', async () => {
    const dir = directory();
    const script = fileURLToPath(new URL('child/record.js', import.meta.url));
    const ended = await Promise.all(
        ['a', 'b'].map((name) => runNode([script, dir, name], LIMIT_MS)),
    );
    for (const { isTimedOut, code, stderr } of ended) {
        assert.ok(!isTimedOut, 'a process hangs');
        assert.equal(code, 0, stderr);
    }
    const history = JSON.parse(readFileSync(join(dir, 'out', 'task', 'runs.json'), 'utf8'));
    assert.equal(history.runs.length, 20);
});
