// Opens, flushes, throttles, records and reads in many runs at the same time.

import { given } from './given.js';

const { tandem, done } = await given();

async function worker(number) {
    const taskId = `task-${number % 3}`;
    for (let round = 0; round < 3; round += 1) {
        const throttle = { manifestIntervalMs: 30, heartbeatIntervalMs: 30 };
        const run = await tandem.openRun({ taskId, runId: `run-${number}`, ...throttle });
        await run.set({ text: 'x'.repeat(20_000) });
        const both = { manifest: true, heartbeat: true };
        await Promise.all([run.schedule(both), run.schedule(both), run.stats(), run.flush()]);
        await run.close();
        const runId = `run-${number}-${round}`;
        const summary = { taskId, runId, timestamp: '2026-01-01T00:00:00Z' };
        await Promise.all([tandem.recordRun(summary, { taskId }), tandem.history({ taskId })]);
    }
}

await Promise.all(Array.from({ length: 8 }, (_, number) => worker(number)));
done();
