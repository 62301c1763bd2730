// Tells whether the threads of a Tandem that nobody has any more have ended.

import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

import { Tandem } from '../../src/index.js';

const LOOK_MS = 20;

const threadCount = () => readdirSync('/proc/self/task').length;

async function leave() {
    const tandem = await Tandem.create({ dir: process.argv[2] });
    const run = await tandem.openRun({ taskId: 'task', runId: 'run' });
    await run.set({ n: 1 });
    return threadCount();
}

async function wait() {
    const tandem = await Tandem.create({ dir: process.argv[2] });
    return tandem.recordRun({ taskId: 'locked', runId: 'run', timestamp: '2026-01-01T00:00:00Z' });
}

const held = { version: 1, token: '0f'.repeat(16), lease_ms: 3_600_000 };
const lock = join(process.argv[2], '.runs', 'locked.lock');
mkdirSync(join(process.argv[2], '.runs'));
writeFileSync(lock, JSON.stringify(held));
const waits = wait();
const before = await leave();
while (threadCount() >= before) {
    globalThis.gc();
    await sleep(LOOK_MS);
}
console.log('ended');
// A call is answered all the same, when it is over.
rmSync(lock);
console.log((await waits).runs);
