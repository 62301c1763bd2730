// Tells by how many bytes the heap grew while a history was read many times.

import process from 'node:process';

import { Tandem } from '../../src/index.js';

const CALLS = 20;

function heapBytes() {
    globalThis.gc();
    return process.memoryUsage().heapUsed;
}

const [dir, textBytes] = process.argv.slice(2);
const tandem = await Tandem.create({ dir });
const summary = { taskId: 'task', runId: 'run', timestamp: '2026-01-01T00:00:00Z' };
const text = 'x'.repeat(Number(textBytes));
await tandem.recordRun({ ...summary, text }, { taskId: 'task' });
// What is made once is there after two calls.
await tandem.history({ taskId: 'task' });
await tandem.history({ taskId: 'task' });
const before = heapBytes();
for (let call = 0; call < CALLS; call += 1) {
    await tandem.history({ taskId: 'task' });
}
console.log(heapBytes() - before);
