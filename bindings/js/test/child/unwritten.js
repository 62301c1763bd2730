// Ends with a change that was marked and cannot be written.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { Tandem } from '../../src/index.js';

const dir = process.argv[2];
const tandem = await Tandem.create({ dir });
const run = await tandem.openRun({ taskId: 'task', runId: 'run' });
mkdirSync(join(dir, '.runs', 'task', 'cli', 'run', 'manifest.json'));
await run.set({});
await run.mark({ manifest: true });
