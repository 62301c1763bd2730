import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { Tandem } from '../../src/index.js';

const HOUR_MS = 3_600_000;

const dir = process.argv[2];
const tandem = await Tandem.create({ dir });
const run = await tandem.openRun({ taskId: 'task', runId: 'run', manifestIntervalMs: HOUR_MS, heartbeatIntervalMs: HOUR_MS });
await run.set({ n: 1 });
await run.schedule({ manifest: true });

// A throttled request, and a retry that has to wait for the interval too.
const throttled = run.schedule({ manifest: true }).catch(() => {});
const heartbeat = join(dir, '.runs', 'task', 'cli', 'run', '.heartbeat');
mkdirSync(heartbeat);
await run.schedule({ heartbeat: true, force: true }).catch(() => {});
await throttled;
rmdirSync(heartbeat);

await run.close();
console.log('closed');
