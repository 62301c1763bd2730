// What killed processes left of their records.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

import { inTime, summary, tandem as givenTandem } from './given.js';

/** A temporary file of this age, below a directory. */
function leave(dir, path, name, ageMs = 7_200_000) {
    const file = join(dir, path, `.${name}.${'0f'.repeat(16)}.tandem-tmp`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, 'half');
    const atS = (Date.now() - ageMs) / 1000;
    utimesSync(file, atS, atS);
    return file;
}

const areThere = (files) => files.map((file) => existsSync(file));

test('a record removes every old temporary file where it writes, and counts each', async () => {
    const { dir, tandem } = await givenTandem();
    const old = [
        leave(dir, '.runs/task/run', 'manifest.json'),
        leave(dir, 'out/task', 'runs.json'),
        leave(dir, 'out/task', 'other.json'),
    ];
    const kept = [leave(dir, '.runs/task/run', 'younger.json', 0), leave(dir, '.runs/task/killed', 'manifest.json')];
    const { swept } = await inTime(tandem.recordRun(summary('task', 'run')));
    assert.deepEqual([swept, areThere(old), areThere(kept)], [3, [false, false, false], [true, true]]);
    await inTime(tandem.close());
});

test('the summary of a killed record is removed by a removal that sweeps, with its directory', async () => {
    const { dir, tandem } = await givenTandem();
    await inTime(tandem.recordRun(summary('task', 'run')));
    const left = leave(dir, '.runs/task/killed', 'manifest.json');
    const without = await inTime(tandem.removeRuns([], { taskId: 'task' }));
    assert.deepEqual([without.swept, existsSync(left)], [0, true]);
    const { swept } = await inTime(tandem.removeRuns([], { taskId: 'task', sweep: true }));
    // The file, and the directory that has nothing else.
    assert.deepEqual([swept, existsSync(dirname(left))], [2, false]);
    assert.ok(existsSync(join(dir, '.runs', 'task', 'run', 'manifest.json')));
    await inTime(tandem.close());
});
