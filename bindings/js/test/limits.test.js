// What is refused, so that the component's memory never ends.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Tandem } from '../src/index.js';
import { limitsOf } from '../src/limits.js';
import { directory, failure, inTime, lock, summary, unlock } from './given.js';
import { runNode } from './process.js';

const LIMITS = { maxDocumentBytes: 1000, maxTotalDocumentBytes: 2000 };

/** A document whose file has a number of bytes. */
const documentOf = (bytes) => ({ text: 'x'.repeat(bytes - '{\n  "text": ""\n}\n'.length) });

async function given(limits = LIMITS) {
    const dir = directory();
    const tandem = await inTime(Tandem.create({ dir, ...limits }));
    const open = (runId, more) => inTime(tandem.openRun({ taskId: 'task', runId, ...more }));
    return { dir, tandem, open };
}

async function refusedAsTooLarge(promise) {
    const error = await failure(promise);
    assert.deepEqual([error.kind, error.channel, error.retryable], ['too-large', 'manifest', false]);
    assert.match(error.message, /above maxTotalDocumentBytes: 2000$/);
}

test('documents that together are above the limit are refused, and nothing else is lost', async () => {
    const { dir, open } = await given();
    const runs = await Promise.all(['a', 'b', 'c'].map((runId) => open(runId)));
    const [a, b, c] = runs;
    await inTime(a.set(documentOf(900)));
    await inTime(a.set(documentOf(1000)));
    await inTime(b.set(documentOf(900)));
    await refusedAsTooLarge(c.set(documentOf(200)));
    await inTime(c.set(documentOf(100)));
    await refusedAsTooLarge(b.merge({ more: 'x'.repeat(50) }));
    await inTime(a.close());
    await inTime(c.set(documentOf(1000)));
    b.drop();
    await inTime((await open('d')).set(documentOf(900)));
    await inTime(c.close());
    for (const name of ['a', 'c']) {
        const file = join(dir, '.runs', 'task', 'cli', name, 'manifest.json');
        assert.equal(readFileSync(file).length, 1000, name);
    }
});

test('documents that are on their way count', async () => {
    const { open } = await given();
    const runs = await Promise.all(['a', 'b', 'c'].map((runId) => open(runId)));
    const settled = await inTime(Promise.allSettled(runs.map((run) => run.set(documentOf(900)))));
    assert.deepEqual(
        settled.map(({ status }) => status),
        ['fulfilled', 'fulfilled', 'rejected'],
    );
});

test('many small patches do not fill the limit for ever', async () => {
    const { open } = await given();
    const [a, b] = [await open('a', { manifestIntervalMs: 0 }), await open('b')];
    await inTime(b.set(documentOf(1000)));
    for (let n = 0; n < 60; n += 1) {
        await inTime(a.merge({ n }));
    }
    await inTime(a.flush());
    await inTime((await open('c')).set(documentOf(900)));
});

test('a document that was found counts, and a run for which there is no room is not opened', async () => {
    const { dir, open } = await given();
    const place = join(dir, '.runs', 'task', 'cli', 'found');
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'manifest.json'), JSON.stringify(documentOf(900)));
    const [a, b] = [await open('a'), await open('b')];
    await inTime(Promise.all([a.set(documentOf(1000)), b.set(documentOf(900))]));
    await refusedAsTooLarge(open('found'));
    await inTime(b.close());
    await inTime((await open('found')).close());
});

test('a limit of a call is at most that of the component', async () => {
    const { tandem, open } = await given({ ...LIMITS, maxHistoryBytes: 5000 });
    const [task, text] = [{ taskId: 'task' }, 'x'.repeat(1000)];
    const cases = [
        [() => open('a', { maxDocumentBytes: 1001 }), 'invalid-input', /1001/],
        [
            () => tandem.recordRun(summary('task', 'r'), { ...task, maxSummaryBytes: 1001 }),
            'invalid-input',
            /1001/,
        ],
        [
            () => tandem.recordRun(summary('task', 'r'), { ...task, maxHistoryBytes: 5001 }),
            'invalid-input',
            /5001/,
        ],
        [
            () => tandem.history({ ...task, maxHistoryBytes: 2n ** 63n }),
            'invalid-input',
            /9223372036854775808/,
        ],
        [
            () => tandem.recordRun(summary('task', 'r', { text }), task),
            'too-large',
            /above maxSummaryBytes: 1000$/,
        ],
    ];
    for (const [call, kind, message] of cases) {
        const error = await failure(call());
        assert.equal(error.kind, kind);
        assert.match(error.message, message);
    }
});

test('the threads of a Tandem have together what it was given, and each has room for a document', () => {
    const MIB = 1n << 20n;
    const cases = [
        [{}, 4],
        [{ maxDocumentBytes: 1000n, maxTotalDocumentBytes: 2000n }, 1],
        [{ maxTotalDocumentBytes: 127n * MIB }, 1],
        [{ maxTotalDocumentBytes: 128n * MIB }, 2],
        [{ maxDocumentBytes: 100n * MIB, maxTotalDocumentBytes: 500n * MIB }, 2],
        [{ maxTotalDocumentBytes: 1024n * MIB }, 4],
    ];
    for (const [given, wanted] of cases) {
        const { limits, threads } = limitsOf(given);
        assert.equal(threads, wanted);
        const total = given.maxTotalDocumentBytes ?? 256n * MIB;
        assert.ok(limits.maxTotalDocumentBytes * BigInt(threads) <= total);
        assert.ok(limits.maxTotalDocumentBytes >= limits.maxDocumentBytes);
    }
});

test('limits that cannot be kept are invalid input', async () => {
    const dir = directory();
    const cases = [
        [{ maxDocumentBytes: 0 }, /0/],
        [{ maxHistoryBytes: 0n }, /0/],
        [{ maxDocumentBytes: -1 }, /maxDocumentBytes is not an integer/],
        [{ maxTotalDocumentBytes: 2 ** 20 }, /16777216/],
        [{ maxTotalDocumentBytes: 2 ** 33 }, /may need more memory/],
        [{ maxDocumentBytes: 2n ** 64n - 1n }, /may need more memory/],
        [{ maxHistoryBytes: 2 ** 30 }, /may need more memory/],
    ];
    for (const [limits, message] of cases) {
        const error = await failure(Tandem.create({ dir, ...limits }));
        assert.equal(error.kind, 'invalid-input');
        assert.match(error.message, message);
    }
});

test('what a run that is garbage held is free again', async () => {
    const { dir } = await given();
    const script = fileURLToPath(new URL('child/garbage.js', import.meta.url));
    const { isTimedOut, code, stderr } = await runNode(['--expose-gc', script, dir], 60_000);
    assert.ok(!isTimedOut, 'it hangs');
    assert.equal(code, 0, stderr);
});

test('texts that together are too much for the component wait, in their order', async () => {
    const maxDocumentBytes = 40 << 20;
    const { open } = await given({ maxDocumentBytes });
    const [a, b] = [await open('a'), await open('b')];
    const big = (name) => `{"${name}":"${'x'.repeat(maxDocumentBytes - 100)}"}`;
    const over = [];
    const note = (name) => (value) => over.push(name) && value;
    const calls = [
        a.set(big('first')).then(note('first')),
        b.set(big('second')).then(note('second')),
        b.set({ n: 3 }).then(note('third')),
        b.stats().then(note('stats')),
    ];
    const [, , third, stats] = await inTime(Promise.all(calls));
    assert.deepEqual(over, ['first', 'second', 'third', 'stats']);
    assert.deepEqual([third.revision, stats.revision], [2, 2]);
});

test('records that wait for a lock hold up no run, however large they are', async () => {
    const maxDocumentBytes = 40 << 20;
    const { dir, tandem, open } = await given({ maxDocumentBytes });
    const run = await open('run');
    await inTime(run.set({ n: 1 }));
    lock(dir, 'locked');
    const text = 'x'.repeat(maxDocumentBytes - 1000);
    // The history is refused once the lock is free, which saves the time to write it.
    const options = { summaryDurability: 'visible', maxHistoryBytes: 1000 };
    let over = 0;
    const records = ['a', 'b'].map(async (runId) => {
        const error = await failure(tandem.recordRun(summary('locked', runId, { text }), options));
        over += 1;
        return error.code;
    });
    const { revision } = await inTime(run.flush());
    await inTime(run.set({ n: 2 }));
    await inTime(run.close());
    assert.deepEqual([revision, over], [1, 0]);
    unlock(dir, 'locked');
    assert.deepEqual(await Promise.all(records), ['file-too-large', 'file-too-large']);
});
