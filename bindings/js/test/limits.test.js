// What is refused, so that the component's memory never ends.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { indentedBytes } from '../src/documents.js';
import { Tandem } from '../src/index.js';
import { directory, failure, inTime, summary } from './given.js';

const LIMITS = { maxDocumentBytes: 1000, maxTotalDocumentBytes: 2000 };

/** A document whose file has a number of bytes. */
const documentOf = (bytes) => ({ text: 'x'.repeat(bytes - '{\n  "text": ""\n}\n'.length) });

async function given(limits = LIMITS) {
    const dir = directory();
    const tandem = await inTime(Tandem.create({ dir, ...limits }));
    const open = (runId, more) => inTime(tandem.open({ taskId: 'task', runId, ...more }));
    return { dir, tandem, open };
}

async function refusedAsTooLarge(promise) {
    const error = await failure(promise);
    assert.deepEqual([error.kind, error.channel, error.retryable], ['too-large', 'manifest', false]);
    assert.match(error.message, /^the documents of all open runs take \d+ bytes, above maxTotalDo/);
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
    await refusedAsTooLarge(b.merge({ more: 'x'.repeat(150) }));
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
    const [a, b] = [await open('a', { intervalMs: 0 }), await open('b')];
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
        [() => open('a', { maxDocumentBytes: 1001 }), 'invalid-input', /^maxDocumentBytes is above/],
        [
            () => tandem.recordRun(summary('task', 'r'), { ...task, maxSummaryBytes: 1001 }),
            'invalid-input',
            /^maxSummaryBytes is above/,
        ],
        [
            () => tandem.recordRun(summary('task', 'r'), { ...task, maxHistoryBytes: 5001 }),
            'invalid-input',
            /^maxHistoryBytes is above/,
        ],
        [
            () => tandem.history({ ...task, maxHistoryBytes: 2n ** 63n }),
            'invalid-input',
            /^maxHistoryBytes is above the limit that create was given, 5000: 9223372036854775808$/,
        ],
        [
            () => tandem.recordRun(summary('task', 'r', { text }), task),
            'too-large',
            /above max_summary_bytes: 1000$/,
        ],
    ];
    for (const [call, kind, message] of cases) {
        const error = await failure(call());
        assert.equal(error.kind, kind);
        assert.match(error.message, message);
    }
});

test('limits that cannot be kept are invalid input', async () => {
    const dir = directory();
    const cases = [
        [{ maxDocumentBytes: 0 }, /lets nothing through/],
        [{ maxHistoryBytes: 0n }, /lets nothing through/],
        [{ maxDocumentBytes: -1 }, /maxDocumentBytes is not an integer/],
        [{ maxTotalDocumentBytes: 2 ** 20 }, /is below maxDocumentBytes: 1048576, 16777216$/],
        [{ maxTotalDocumentBytes: 2 ** 30 }, /may need more memory/],
        [{ maxDocumentBytes: 2n ** 64n - 1n }, /may need more memory/],
        [{ maxHistoryBytes: 2 ** 30 }, /may need more memory/],
    ];
    for (const [limits, message] of cases) {
        const error = await failure(Tandem.create({ dir, ...limits }));
        assert.equal(error.kind, 'invalid-input');
        assert.match(error.message, message);
    }
});

test('the indented size is known without indenting', () => {
    const texts = ['{ }', '{"a":1}', '{"a":[{},[]]}', '{"a":[1,{"b":"x, y: {z}\\\\","\\"é":[[2]]}]}'];
    for (const text of texts) {
        const indented = `${JSON.stringify(JSON.parse(text), null, 2)}\n`;
        assert.equal(indentedBytes(text), Buffer.byteLength(indented), text);
        assert.equal(indentedBytes(indented), Buffer.byteLength(indented), text);
    }
});
