// Flushes again after a flush that failed, while the automatic retry waits.

import assert from 'node:assert/strict';
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

import { given } from './given.js';

const { tandem, dir, done } = await given();
const run = await tandem.openRun({ taskId: 'task', runId: 'run' });
await run.set({});
const obstacle = join(dir, '.runs', 'task', 'cli', 'run', '.heartbeat');
mkdirSync(obstacle);
await assert.rejects(run.schedule({ manifest: true, heartbeat: true, force: true }), { kind: 'storage' });
rmdirSync(obstacle);
await run.flush();
done();
