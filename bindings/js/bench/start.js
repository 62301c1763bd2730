// Flushes one pair, and prints how many microseconds that took from the import on.

import process from 'node:process';

const start = process.hrtime.bigint();
const { Tandem } = await import('../dist/index.js');
const [, , dir, round] = process.argv;
const tandem = await Tandem.create({ dir });
const run = await tandem.openRun({ taskId: 'start', runId: `run-${round}` });
await run.set({ round });
await run.schedule({ manifest: true, heartbeat: true, force: true });
console.log(Number(process.hrtime.bigint() - start) / 1000);
