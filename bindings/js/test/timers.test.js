// The component's timers, in processes that nothing else keeps alive.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { directory, failure, inTime, tandem as givenTandem } from './given.js';
import { runNode } from './process.js';

const LIMIT_MS = 60_000;

async function child(script, dir) {
    const file = fileURLToPath(new URL(`child/${script}.js`, import.meta.url));
    const ended = await runNode([file, dir], LIMIT_MS);
    assert.ok(!ended.isTimedOut, `${script} hangs`);
    assert.equal(ended.code, 0, ended.stderr);
    return ended.stdout;
}

test('a throttled request is released when the interval is over', async () => {
    const dir = directory();
    assert.equal(await child('throttled', dir), 'released: 2 writes\n');
    const manifest = join(dir, '.runs', 'task', 'cli', 'run', 'manifest.json');
    assert.equal(JSON.parse(readFileSync(manifest)).n, 2);
});

test('what failed is written again without being asked for', async () => {
    assert.equal(await child('retried', directory()), 'retried\n');
});

test('a process ends when its runs are closed, whatever waited', async () => {
    assert.equal(await child('closed', directory()), 'closed\n');
});

test('a process ends although a run is open that has nothing to write', async () => {
    assert.equal(await child('idle', directory()), 'idle\n');
});

test('a process ends after its component failed', async () => {
    assert.equal(await child('failed', directory()), 'component-failed\n');
});

test('a throttled request waits until it is forced', async () => {
    const { tandem } = await givenTandem();
    const options = { taskId: 'task', runId: 'run', manifestIntervalMs: 3_600_000, heartbeatIntervalMs: 3_600_000 };
    const run = await inTime(tandem.openRun(options));
    await inTime(run.set({ n: 1 }));
    await inTime(run.schedule({ manifest: true, force: true }));
    await inTime(run.set({ n: 2 }));
    const throttled = run.schedule({ manifest: true });
    const forced = run.flush();
    assert.deepEqual(await inTime(throttled), await inTime(forced));
    assert.equal((await inTime(run.stats())).manifest.writes, 2);
    await inTime(run.close());
    assert.equal((await failure(run.schedule({ manifest: true }))).kind, 'closed');
});
