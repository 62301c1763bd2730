// Flushes pairs and records runs until it is killed, and prints each that was acknowledged.

import { writeSync } from 'node:fs';
import process from 'node:process';

import { Tandem } from '../../src/index.js';

const STDOUT = 1;

const [, , dir, name] = process.argv;
const tandem = await Tandem.create({ dir });
const run = await tandem.openRun({ taskId: 'task', runId: 'run' });
const first = (run.recovery.document?.n ?? 0) + 1;

async function flush() {
    for (let n = first; ; n += 1) {
        await run.set({ n, text: 'x'.repeat(100_000) });
        await run.schedule({ manifest: true, heartbeat: true, force: true });
        writeSync(STDOUT, `flushed ${n}\n`);
    }
}

async function record() {
    for (let number = 0; ; number += 1) {
        const runId = `${name}-${number}`;
        // A killed process leaves its lock, which is taken over when its lease is over.
        await tandem.recordRun({ taskId: 'task', runId, timestamp: '2026-01-01T00:00:00Z' }, { leaseMs: 200 });
        writeSync(STDOUT, `recorded ${runId}\n`);
    }
}

await Promise.all([flush(), record()]);
