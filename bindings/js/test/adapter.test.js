// The adapter that plays the conformance cases: what it must refuse, and what it must find out.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { played, wrong } from './conformance/judge.js';
import { pattern } from './conformance/pattern.js';
import { directory } from './given.js';

const LIMIT_MS = 60_000;

const GOOD = { about: 'a', rule: 'runs', area: 'a', steps: [], after: [] };
const OPEN = { do: 'open', run: 'a', options: { 'task-id': 'task', 'run-id': 'run' } };
const FLUSH = { do: 'flush', run: 'a' };

function caseOf(more) {
    const file = join(directory(), 'case.json');
    writeFileSync(file, JSON.stringify({ ...GOOD, ...more }));
    return file;
}

const expecting = (expect) => ({ steps: [{ ...FLUSH, expect }] });

test('what a case does not know is refused, and the file is named', async () => {
    const cases = [
        [{ more: 1 }, 'unknown field more'],
        [{ before: [FLUSH] }, 'no file action flush'],
        [{ steps: [{ do: 'flsh', run: 'a' }] }, 'no call flsh'],
        [{ steps: [{ do: 'flush' }] }, 'lacks run'],
        [{ steps: [{ ...FLUSH, force: true }] }, 'unknown field force'],
        [expecting({ okay: {} }), 'unknown field okay'],
        [expecting({ ok: {}, error: {} }), 'expect has one field'],
        [expecting({ ok: { n: { $regex: 'a' } } }), '$regex'],
        [expecting({ ok: { $any: true, n: 1 } }), 'no such matcher'],
        [expecting({ ok: { '$one-of': [1] } }), 'lacks why'],
        [expecting({ ok: { $matches: '(' } }), 'Unterminated group'],
        [expecting({ ok: { $matches: '\\d' } }), 'engine'],
        [{ after: [{ path: 'a', size: 1 }] }, 'unknown field size'],
        [{ after: [{ path: 'a', 'path-matches': 'b' }] }, 'either'],
        [{ after: [{ path: 'a', is: 'socket' }] }, 'socket'],
    ];
    for (const [more, part] of cases) {
        const file = caseOf(more);
        const { outcome, detail } = await played(file, LIMIT_MS);
        assert.equal(outcome, 'fail');
        assert.ok(detail.includes(`${file}: `) && detail.includes(part), `${part}: ${detail}`);
    }
});

test('what does not hold is found, and its place is told', async () => {
    const cases = [
        [{ steps: [{ ...OPEN, expect: { ok: { swept: 0 } } }], after: [] }, null],
        [{ steps: [{ ...OPEN, expect: { ok: { swept: 1 } } }] }, 'step 1: swept: expected 1, found 0'],
        [{ steps: [{ ...OPEN, expect: { error: {} } }] }, 'step 1: expected error, found '],
        [{ steps: [OPEN, OPEN] }, 'step 2: expected success, found '],
        [{ steps: [FLUSH] }, 'step 1: expected success, found no run is open as a'],
        [{ steps: [{ do: 'check', files: [{ path: 'a' }] }] }, 'step 1: a: expected one file'],
        [{ after: [{ path: 'a' }] }, 'after: a: expected one file, found 0'],
        [{ steps: [{ do: 'write-file', path: 'a', content: '' }] }, 'after: a: nothing should'],
    ];
    for (const [more, start] of cases) {
        const { outcome, detail } = await played(caseOf(more), LIMIT_MS);
        assert.equal(outcome, start === null ? 'pass' : 'fail', detail);
        assert.ok(start === null || detail.startsWith(start), detail);
    }
});

test('patterns match what the format says and nothing else', () => {
    const cases = [
        [1, 1, '1'],
        [null, undefined, false],
        [{ a: null }, { b: 1 }, { a: 0 }],
        [{ a: { b: 1 } }, { a: { b: 1, c: 2 } }, { a: { b: 2 } }],
        [[1, { $any: true }], [1, 2], [1, null]],
        [[1], [1], [1, 1]],
        [{ $text: { repeat: 'ab', times: 2 } }, 'abab', 'ab'],
        [{ $text: { concat: ['a', { repeat: 'b', times: 2 }] } }, 'abb', 'ab'],
        [{ $contains: ['a', 'c'] }, 'abc', 'ab'],
        [{ $matches: 'a.c' }, 'a\nc', 'abcd'],
        [{ $matches: 'a|b' }, 'b', 'ab'],
        [{ $json: { a: 1, b: [1] } }, '{"b":[1.0],"a":1}', '{"a":1,"b":[1],"c":2}'],
        [{ $json: {} }, '{}', {}],
        [{ '$at-least': 1, '$at-most': 2 }, 2, 3],
        [{ '$at-most': 1 }, 0, '0'],
        [{ '$one-of': ['a', null], why: 'for a test' }, null, 'b'],
    ];
    for (const [wanted, same, other] of cases) {
        const check = pattern(wanted);
        assert.equal(check(same, ''), undefined);
        assert.notEqual(check(other, ''), undefined, JSON.stringify(wanted));
    }
});

test('a hang is told as a hang', async () => {
    // Another holder's lock is waited for, for longer than this test waits.
    const lock = { version: 1, token: '0'.repeat(32), task_id: 'task', acquired_at: '', lease_ms: 60_000 };
    const summary = '{"taskId":"task","runId":"run","timestamp":"2026-01-06T00:31:09Z"}';
    const steps = [
        { do: 'write-file', path: '.runs/task.lock', content: JSON.stringify(lock) },
        { do: 'record-run', summary, options: { 'task-id': 'task', 'lock-wait-ms': 60_000 } },
    ];
    const result = await played(caseOf({ steps }), 3000);
    assert.deepEqual(result, { outcome: 'hang', detail: 'not over after 3 seconds' });
});

test('an unexpected failure, an unexpected pass and an unknown case fail the run', () => {
    const of = (outcome) => [{ case: 'a-case', outcome, detail: 'why' }];
    const listed = [{ case: 'a-case', reason: 'it is not done', detail: 'why', link: null }];
    const otherwise = [{ ...listed[0], detail: 'for another reason' }];
    const names = ['a-case'];
    assert.deepEqual(wrong(of('pass'), [], names), []);
    assert.deepEqual(wrong(of('fail'), listed, names), []);
    assert.deepEqual(wrong(of('fail'), otherwise, names), ['a-case: fail: why']);
    assert.deepEqual(wrong(of('hang'), listed, names), ['a-case: hang: why']);
    assert.deepEqual(wrong(of('fail'), [], names), ['a-case: fail: why']);
    assert.deepEqual(wrong(of('hang'), [], names), ['a-case: hang: why']);
    assert.match(wrong(of('pass'), listed, names).join(), /^a-case: passes, although it is listed/);
    assert.match(wrong([], listed, ['b-case']).join(), /^a-case: .* there is no such case$/);
});
