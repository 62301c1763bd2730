// Records ten runs, some of them at the same time.

import process from 'node:process';

import { Tandem } from '../../src/index.js';

const [, , dir, name] = process.argv;
const tandem = await Tandem.create({ dir });
for (let round = 0; round < 5; round += 1) {
    const record = (which) => {
        const runId = `${name}-${round}-${which}`;
        const summary = { taskId: 'task', runId, timestamp: '2026-01-01T00:00:00Z' };
        return tandem.recordRun(summary, { taskId: 'task' });
    };
    await Promise.all([record(0), record(1)]);
}
