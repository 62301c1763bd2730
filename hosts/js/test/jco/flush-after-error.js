// Flushes again after a flush that failed, while the automatic retry waits.

import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

import { given } from './given.js';

const { tandem, dir, done } = await given();
const run = await tandem.open({ taskId: 'task', runId: 'run' });
await run.set({});
const obstacle = join(dir, '.runs', 'task', 'cli', 'run', '.heartbeat');
mkdirSync(obstacle);
let isTold = false;
try {
    await run.schedule({ manifest: true, heartbeat: true, force: true });
} catch (error) {
    isTold = error.kind === 'storage';
}
rmdirSync(obstacle);
await run.flush();
if (isTold) {
    done();
}
