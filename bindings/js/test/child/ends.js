// Ends as its first argument says, in the directory that the second names.

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { Tandem } from '../../src/index.js';

const HOUR_MS = 3_600_000;
const RUN = { taskId: 'task', runId: 'run' };
const BOTH = { manifest: true, heartbeat: true, force: true };

const [, , how, dir] = process.argv;
const summary = (taskId, runId) => ({ taskId, runId, timestamp: '2026-01-01T00:00:00Z' });

const threadCount = () => readdirSync('/proc/self/task').length;

/** Puts a directory in the place of the manifest of a run. */
function spoil(runId) {
    mkdirSync(join(dir, '.runs', 'task', 'cli', runId, 'manifest.json'));
}

const ways = {
    async awaits(tandem) {
        const run = await tandem.openRun({ ...RUN, heartbeatIntervalMs: 200 });
        console.log('opened');
        await run.set({});
        console.log('set');
        await run.schedule({ heartbeat: true });
        await run.schedule({ heartbeat: true });
        console.log('throttled');
        await tandem.recordRun(summary('task', 'run'));
        console.log('recorded');
        await tandem.history({ taskId: 'task' });
        console.log('read');
    },
    async idle(tandem) {
        const run = await tandem.openRun(RUN);
        await run.set({});
        await run.flush();
        await tandem.recordRun(summary('task', 'run'));
    },
    async forgets(tandem) {
        const run = await tandem.openRun({ ...RUN, manifestIntervalMs: HOUR_MS });
        await run.set({ n: 1 });
        await run.flush();
        await run.set({ n: 2 });
        await run.mark({ manifest: true });
    },
    async 'fails-for-ever'(tandem) {
        const run = await tandem.openRun(RUN);
        spoil('run');
        await run.set({});
        let ends = 0;
        process.on('beforeExit', () => {
            ends += 1;
        });
        process.on('exit', () => console.log(`about to end ${ends} times`));
        await run.close().catch(() => console.log('failed'));
    },
    async exits(tandem) {
        const run = await tandem.openRun(RUN);
        for (let n = 0; n < 50; n += 1) {
            await run.set({ n, text: 'x'.repeat(100_000) });
            await run.schedule(BOTH);
        }
        run.set({ n: 50, text: 'x'.repeat(100_000) });
        run.flush();
        // In the middle of the flush.
        setImmediate(() => process.exit(5));
    },
    async throws(tandem) {
        const run = await tandem.openRun({ ...RUN, heartbeatIntervalMs: HOUR_MS });
        await run.schedule({ heartbeat: true });
        run.schedule({ heartbeat: true }).catch(() => {});
        throw new Error('a mistake of the caller');
    },
    async closes(tandem) {
        const run = await tandem.openRun({ ...RUN, manifestIntervalMs: HOUR_MS });
        await run.set({ n: 0 });
        await run.flush();
        await run.set({ n: 1 });
        await run.mark({ manifest: true });
        await tandem.recordRun(summary('task', 'run'));
        await Promise.all([tandem.close(), tandem.close()]);
        const calls = [run.set({}), tandem.openRun(RUN), tandem.recordRun(summary('task', 'a')), tandem.history({ taskId: 'task' })];
        const kinds = await Promise.all(calls.map((call) => call.catch(({ kind }) => kind)));
        console.log(kinds.join(' '));
    },
    async 'closes-badly'(tandem) {
        const run = await tandem.openRun(RUN);
        const other = await tandem.openRun({ ...RUN, runId: 'other' });
        spoil('run');
        await Promise.all([run.set({ n: 1 }), other.set({ n: 2 })]);
        const threads = threadCount();
        await tandem.close().catch(({ kind, code }) => console.log(kind, code));
        console.log(threads > threadCount() ? 'ended' : 'threads are left');
    },
    async 'closes-while-locked'(tandem) {
        const held = { version: 1, token: '0f'.repeat(16), lease_ms: HOUR_MS };
        mkdirSync(join(dir, '.runs'));
        writeFileSync(join(dir, '.runs', 'locked.lock'), JSON.stringify(held));
        const kindOf = (call) => call.then(() => 'recorded', ({ kind }) => kind);
        const waits = [kindOf(tandem.recordRun(summary('locked', 'a'))), kindOf(tandem.removeRuns(['b'], { taskId: 'locked' }))];
        await tandem.history({ taskId: 'locked' });
        const closed = tandem.close().then(() => 'closed');
        console.log(...(await Promise.all([...waits, closed])));
    },
    async terminates(tandem) {
        const run = await tandem.openRun({ ...RUN, manifestIntervalMs: HOUR_MS });
        await run.set({ status: 'in_progress' });
        await run.schedule(BOTH);
        const beat = setInterval(() => run.mark({ heartbeat: true }), 10);
        process.once('SIGTERM', async () => {
            clearInterval(beat);
            await run.merge({ status: 'cancelled' });
            await tandem.close();
            process.exit(143);
        });
        console.log('ready');
    },
};

await ways[how](await Tandem.create({ dir }));
