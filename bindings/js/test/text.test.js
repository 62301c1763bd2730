// Texts on their way into the component.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { inTime, tandem as givenTandem } from './given.js';

const LETTERS = ['x', 'é', '€', '𝄞', '"', '\\', '\u0001'];

/** Sizes around each place where texts go another way: in the memory that is shared, or beside it. */
const LENGTHS = [0, 1, 10, 16_370, 16_380, 16_400, 40_000, 1_048_500, 1_048_600, 2_000_000];

test('a text of any size and any letters arrives as it is', async () => {
    const { dir, tandem } = await givenTandem();
    for (const [number, letter] of LETTERS.entries()) {
        const run = await inTime(tandem.openRun({ taskId: 'task', runId: `run-${number}`, manifestDurability: 'visible' }));
        const file = join(dir, '.runs', 'task', 'cli', `run-${number}`, 'manifest.json');
        for (const length of LENGTHS) {
            const document = { text: letter.repeat(length / letter.length) };
            await inTime(run.set(document));
            await inTime(run.flush());
            assert.equal(readFileSync(file, 'utf8'), `${JSON.stringify(document, null, 2)}\n`, `${letter} ${length}`);
        }
        await inTime(run.close());
    }
});

test('texts that go in one message stay apart', async () => {
    const { tandem } = await givenTandem();
    const ids = Array.from({ length: 40 }, (_, number) => `run-${number}`);
    const runs = await inTime(Promise.all(ids.map((runId) => tandem.openRun({ taskId: 'task', runId, manifestDurability: 'visible' }))));
    for (const round of [1, 2]) {
        const documents = ids.map((id, number) => ({ id, round, text: String(number % 10).repeat(number * 3000) }));
        const calls = runs.flatMap((run, number) => [
            run.set({ first: 'y'.repeat(50_000) }),
            run.set(documents[number]),
            run.merge({ more: 'z'.repeat(number * 1000) }),
            run.flush(),
        ]);
        await inTime(Promise.all(calls));
        for (const [number, run] of runs.entries()) {
            assert.deepEqual(await inTime(run.written()), { ...documents[number], more: 'z'.repeat(number * 1000) });
        }
    }
    await inTime(tandem.close());
});
