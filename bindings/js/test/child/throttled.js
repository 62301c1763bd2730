import process from 'node:process';

import { Tandem } from '../../src/index.js';

const tandem = await Tandem.create({ dir: process.argv[2] });
const run = await tandem.openRun({ taskId: 'task', runId: 'run', manifestIntervalMs: 300 });
await run.set({ n: 1 });
await run.schedule({ manifest: true });
await run.set({ n: 2 });
await run.schedule({ manifest: true });
console.log(`released: ${(await run.stats()).manifest.writes} writes`);
