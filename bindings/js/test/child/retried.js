import { existsSync, mkdirSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

import { Tandem } from '../../src/index.js';

const LOOK_MS = 20;

const dir = process.argv[2];
const tandem = await Tandem.create({ dir });
const run = await tandem.openRun({ taskId: 'task', runId: 'run', heartbeatIntervalMs: 0 });
const heartbeat = join(dir, '.runs', 'task', 'cli', 'run', '.heartbeat');
mkdirSync(heartbeat);
await run.schedule({ heartbeat: true, force: true }).catch(() => {});
rmdirSync(heartbeat);
while (!existsSync(heartbeat) || !statSync(heartbeat).isFile()) {
    await sleep(LOOK_MS);
}
// The file is there a little before its flush is counted.
while ((await run.stats()).automaticRetries === 0) {
    await sleep(LOOK_MS);
}
console.log('retried');
