// Flushes the pairs of two runs at the same time, some times.

import { given } from './given.js';

const { tandem, done } = await given();
const open = (runId) => tandem.openRun({ taskId: 'task', runId });
const runs = await Promise.all(['a', 'b'].map(open));
for (let round = 0; round < 20; round += 1) {
    await Promise.all(
        runs.map(async (run) => {
            await run.set({ round });
            await run.schedule({ manifest: true, heartbeat: true, force: true });
        }),
    );
}
done();
