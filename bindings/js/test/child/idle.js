import process from 'node:process';

import { Tandem } from '../../src/index.js';

const tandem = await Tandem.create({ dir: process.argv[2] });
const run = await tandem.openRun({ taskId: 'task', runId: 'run' });
await run.set({ n: 1 });
await run.schedule({ manifest: true, heartbeat: true });
console.log('idle');
