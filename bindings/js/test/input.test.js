// Bad arguments: each is an error of this package with its fields, and the component goes on.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';

import { Run, Tandem, TandemError } from '../src/index.js';
import { BOTH, directory, failure, inTime, summary, tandem as givenTandem } from './given.js';

const RUN = { taskId: 'task', runId: 'run' };

async function refused(promise, kind, message) {
    const error = await failure(promise);
    assert.ok(error instanceof TandemError, `another error: ${error.stack}`);
    assert.equal(error.kind, kind);
    assert.match(error.message, message);
    assert.equal(error.retryable, false);
    return error;
}

test('options of a wrong type are invalid input', async () => {
    const { dir, tandem } = await givenTandem();
    const cases = [
        [undefined, /the options must be an object: undefined/],
        [null, /must be an object/],
        ['task', /must be an object/],
        [[], /must be an object/],
        [{}, /taskId is not a string: undefined/],
        [{ taskId: 'task' }, /runId is not a string: undefined/],
        [{ ...RUN, taskId: 7 }, /taskId is not a string: 7/],
        [{ ...RUN, taskId: 'a\ud800' }, /taskId has a lone surrogate/],
        [{ ...RUN, runID: 'run' }, /^the options cannot have 'runID' in it, only: taskId, runId, manifestIntervalMs, /],
        [{ ...RUN, toString: 'x' }, /cannot have 'toString' in it/],
        [{ ...RUN, manifestIntervalMs: -1 }, /manifestIntervalMs is not an integer from 0 to 18446744073709551615: -1/],
        [{ ...RUN, manifestIntervalMs: -1n }, /manifestIntervalMs is not an integer/],
        [{ ...RUN, manifestIntervalMs: 1.5 }, /manifestIntervalMs is not an integer/],
        [{ ...RUN, manifestIntervalMs: NaN }, /manifestIntervalMs is not an integer/],
        [{ ...RUN, manifestIntervalMs: Infinity }, /manifestIntervalMs is not an integer/],
        [{ ...RUN, manifestIntervalMs: 2 ** 53 }, /manifestIntervalMs is not an integer/],
        [{ ...RUN, manifestIntervalMs: 2n ** 64n }, /manifestIntervalMs is not an integer/],
        [{ ...RUN, manifestIntervalMs: '5' }, /manifestIntervalMs is not an integer/],
        [{ ...RUN, manifestIntervalMs: null }, /manifestIntervalMs is not an integer/],
        [{ ...RUN, manifestDurability: 'fast' }, /is none of 'visible', 'durable': 'fast'/],
        [{ ...RUN, runsRoot: 1 }, /runsRoot is not a string/],
        [{ ...RUN, runsRoot: '/etc' }, /^runsRoot must be relative to the directory of the Tandem: '\/etc'$/],
        [{ ...RUN, runsRoot: 'a//b' }, /^runsRoot has an empty part/],
        [{ ...RUN, maxDocumentBytes: 2 ** 40 }, /^maxDocumentBytes is .*1099511627776/],
    ];
    for (const [given, message] of cases) {
        await refused(tandem.openRun(given), 'invalid-input', message);
    }
    assert.deepEqual(readdirSync(dir), []);
    await inTime((await inTime(tandem.openRun({ ...RUN, manifestIntervalMs: undefined }))).close());
});

test('documents and requests of a wrong type are invalid input', async () => {
    const { tandem } = await givenTandem();
    const run = await inTime(tandem.openRun(RUN));
    const circular = {};
    circular.itself = circular;
    for (const given of [undefined, null, 7, 7n, true, Symbol('x'), () => {}]) {
        await refused(run.set(given), 'invalid-input', /the document is neither an object nor JSON/);
        await refused(run.merge(given), 'invalid-input', /the patch is neither/);
        await refused(
            tandem.recordRun(given, { taskId: 'task' }),
            'invalid-input',
            /the summary is neither/,
        );
    }
    const noJson = await refused(run.set(circular), 'invalid-input', /cannot be made JSON/);
    assert.ok(noJson.cause instanceof TypeError);
    assert.match(noJson.message, /^the document cannot be made JSON: Converting circular structure to JSON$/);
    await refused(run.set({ n: 1n }), 'invalid-input', /cannot be made JSON/);
    await refused(run.set({ toJSON: () => undefined }), 'invalid-input', /has no JSON/);
    for (const given of [NaN, Infinity, -Infinity, new Number(NaN), new Map([[1, 2]]), new Set()]) {
        await refused(run.set({ list: [given] }), 'invalid-input', /cannot be made JSON: JSON has no/);
    }
    await refused(run.set(new Map()), 'invalid-input', /cannot be made JSON: JSON has no Map$/);
    await refused(run.set('{"a":"\ud800"}'), 'invalid-input', /lone surrogate/);
    await refused(run.schedule(null), 'invalid-input', /the request must be an object/);
    await refused(run.schedule({ manifest: 1 }), 'invalid-input', /manifest is not a boolean: 1/);
    await refused(run.schedule({ forced: true }), 'invalid-input', /cannot have 'forced' in it, only: manifest, heartbeat, force/);
    await refused(run.mark({ force: null }), 'invalid-input', /force is not a boolean: null/);
    await inTime(run.set({}));
    await inTime(run.schedule(BOTH));
    await inTime(run.close());
});

test('messages name options as their callers write them', async () => {
    const { tandem } = await givenTandem();
    const given = summary('task', 'run');
    await refused(tandem.recordRun(given, { leaseMs: 1 }), 'invalid-input', /^leaseMs is not from 10 to 3600000: 1$/);
    await refused(tandem.recordRun(given, { keepLast: 0 }), 'invalid-input', /^keepLast is below 1: 0$/);
    const run = await inTime(tandem.openRun({ ...RUN, maxDocumentBytes: 10 }));
    await refused(run.set('{"a":[1]}'), 'too-large', /above maxDocumentBytes: 10$/);
    await inTime(run.close());
});

test('what is not to be made by new names the right call', () => {
    const message = (make) => {
        try {
            make();
        } catch (error) {
            assert.ok(error instanceof TandemError);
            return error.message;
        }
        assert.fail('it was made');
    };
    assert.match(message(() => new Tandem()), /Tandem\.open\(\) or Tandem\.create\(\)/);
    assert.match(message(() => new Tandem({ dir: '.' })), /not by new Tandem\(\)/);
    assert.match(message(() => new Run()), /tandem\.openRun\(\)/);
});

test('arguments whose own code throws are invalid input', async () => {
    const { dir, tandem } = await givenTandem();
    const run = await inTime(tandem.openRun(RUN));
    for (const thrown of [new Error('a mistake'), null, Symbol('x'), Object.create(null)]) {
        const fail = () => {
            throw thrown;
        };
        const withGetter = (name) => Object.defineProperty({}, name, { get: fail, enumerable: true });
        const asName = { [inspect.custom]: fail, get [Symbol.toStringTag]() { return fail(); } };
        await refused(Tandem.create(withGetter('dir')), 'invalid-input', /the options cannot be read/);
        await refused(tandem.openRun(withGetter('taskId')), 'invalid-input', /cannot be read/);
        await refused(tandem.history(new Proxy({}, { ownKeys: fail })), 'invalid-input', /cannot be/);
        await refused(tandem.openRun({ taskId: asName }), 'invalid-input', /taskId is not a string/);
        await refused(run.schedule(withGetter('force')), 'invalid-input', /request cannot be read/);
        const error = await refused(run.set(withGetter('n')), 'invalid-input', /cannot be made JSON/);
        assert.equal(error.cause, thrown);
        await refused(run.merge({ toJSON: fail }), 'invalid-input', /cannot be made JSON/);
    }
    await refused(Tandem.create({ dir: new URL('file://host/dir') }), 'invalid-input', /cannot be read/);
    await inTime(run.close());
    assert.deepEqual(readdirSync(dir), ['.runs']);
});

test('a directory that cannot be used is invalid input', async () => {
    const dir = directory();
    writeFileSync(join(dir, 'file'), '');
    await refused(Tandem.create(), 'invalid-input', /must be an object/);
    await refused(Tandem.create({}), 'invalid-input', /dir is not a string/);
    await refused(Tandem.create({ dir: '' }), 'invalid-input', /dir is no path/);
    await refused(Tandem.create({ dir: 'a\0b' }), 'invalid-input', /dir is no path/);
    await refused(Tandem.create({ dir: new URL('data:x') }), 'invalid-input', /no file URL/);
    await refused(Tandem.create({ dir: join(dir, 'none') }), 'invalid-input', /dir cannot be used/);
    await refused(Tandem.create({ dir: join(dir, 'file') }), 'invalid-input', /dir is no directory/);
});

test('ids that break a rule are refused with the rule', async () => {
    const { dir, tandem } = await givenTandem();
    const ids = ['', '.a', 'a.', 'a/b', 'a\\b', 'a:b', 'a\u0000', 'a\u0085', ' a', 'CON', 'nul.txt'];
    for (const id of [...ids, 'cli', 'x.LOCK', 'a\u202eb', 'x'.repeat(129)]) {
        await refused(tandem.openRun({ ...RUN, taskId: id }), 'invalid-id', /task id/);
        await refused(tandem.openRun({ ...RUN, runId: id }), 'invalid-id', /run id/);
        await refused(tandem.history({ taskId: id }), 'invalid-id', /task id/);
    }
    assert.deepEqual(readdirSync(dir), []);
});

test('a document that is no JSON object, is too large or nests too deep changes nothing', async () => {
    const { dir, tandem } = await givenTandem();
    const run = await inTime(tandem.openRun({ ...RUN, maxDocumentBytes: 100_000 }));
    await inTime(run.set({ n: 1 }));
    for (const text of ['', '{', '[]', '7', '{"a":1,}', '{"a":NaN}', '{}x']) {
        await refused(run.set(text), 'invalid-input', /./);
        await refused(run.merge(text), 'invalid-input', /./);
    }
    await refused(run.set([1]), 'invalid-input', /./);
    await refused(run.set(`${'{"a":'.repeat(129)}1${'}'.repeat(129)}`), 'invalid-input', /deep|nest/);
    await refused(run.set({ text: 'x'.repeat(100_000) }), 'too-large', /./);
    await inTime(run.close());
    const kept = readFileSync(join(dir, '.runs', 'task', 'cli', 'run', 'manifest.json'), 'utf8');
    assert.equal(kept, '{\n  "n": 1\n}\n');
});

test('text of two hundred million bytes is too large and does no harm', async () => {
    const { tandem } = await givenTandem();
    const run = await inTime(tandem.openRun(RUN));
    const error = await refused(
        run.set(' '.repeat(200_000_000)),
        'too-large',
        /^document takes 200000000 bytes, above maxDocumentBytes: 16777216$/,
    );
    assert.equal(error.channel, 'manifest');
    await inTime(run.set({}));
    await inTime(run.close());
});

test('summaries that break a rule are refused before anything is written', async () => {
    const { dir, tandem } = await givenTandem();
    const cases = [
        [{ runId: 'r' }, 'invalid-input'],
        [summary('other', 'r'), 'invalid-input'],
        [summary('task', '.r'), 'invalid-id'],
        [summary('task', 'r', { timestamp: 'now' }), 'invalid-input'],
        ['{"taskId":"task","taskId":"task","runId":"r","timestamp":"2026-01-01T00:00:00Z"}', 'invalid-input'],
    ];
    for (const [given, kind] of cases) {
        await refused(tandem.recordRun(given, { taskId: 'task' }), kind, /./);
    }
    const good = summary('task', 'r');
    await refused(tandem.recordRun(good, null), 'invalid-input', /must be an object/);
    await refused(tandem.recordRun(good, { taskId: null }), 'invalid-input', /taskId is not a string/);
    await refused(tandem.recordRun(good, { taskId: 'other' }), 'invalid-input', /./);
    await refused(tandem.recordRun(good, { taskId: 'task', keepLast: 2 ** 32 }), 'invalid-input', /keepLast/);
    await refused(tandem.recordRun(good, { taskId: 'task', keepLast: 0 }), 'invalid-input', /./);
    await refused(tandem.history({ taskId: 'task', limit: -1 }), 'invalid-input', /limit/);
    assert.deepEqual(readdirSync(dir), []);
});

test('a link in a file\'s place is replaced, and what it points to stays', async () => {
    const { dir, tandem } = await givenTandem();
    const outside = join(directory(), 'outside');
    writeFileSync(outside, 'untouched');
    const place = join(dir, '.runs', 'task', 'cli', 'run');
    mkdirSync(place, { recursive: true });
    symlinkSync(outside, join(place, 'manifest.json'));
    const run = await inTime(tandem.openRun(RUN));
    assert.equal(run.recovery.document, undefined);
    assert.equal(readlinkSync(join(place, 'manifest.json')), outside);
    await inTime(run.set({ n: 1 }));
    await inTime(run.close());
    assert.equal(readFileSync(join(place, 'manifest.json'), 'utf8'), '{\n  "n": 1\n}\n');
    assert.equal(readFileSync(outside, 'utf8'), 'untouched');
});

test('a corrupt manifest is set aside', async () => {
    const { dir, tandem } = await givenTandem();
    const place = join(dir, '.runs', 'task', 'cli', 'run');
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'manifest.json'), '{"torn":');
    const run = await inTime(tandem.openRun(RUN));
    assert.equal(run.recovery.document, undefined);
    assert.equal(run.recovery.setAside.length, 1);
    assert.equal(readFileSync(join(dir, run.recovery.setAside[0]), 'utf8'), '{"torn":');
    await inTime(run.close());
});
