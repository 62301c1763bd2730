// Flushes pairs until it is killed, and prints a sign for each one that was acknowledged.

import { writeSync } from 'node:fs';
import process from 'node:process';

import { Tandem } from '../../src/index.js';

const STDOUT = 1;

const tandem = await Tandem.create({ dir: process.argv[2] });
const run = await tandem.openRun({ taskId: 'task', runId: 'run' });
for (let n = 1; ; n += 1) {
    await run.set({ n, text: 'x'.repeat(100_000) });
    await run.schedule({ manifest: true, heartbeat: true, force: true });
    writeSync(STDOUT, '.');
}
