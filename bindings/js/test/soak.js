// `npm run soak [-- SECONDS]`: a thousand runs with heartbeats, changes and records for so many seconds,
// while calls of the system fail now and then. Prints what is in memory and which handles are there as
// it goes on, and fails if memory grew or anything is left at the end.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

import { createIn } from '../src/tandem.js';

const RUNS = 1_000;
const TASKS = 10;
const KEEP_LAST = 50;
const REPORTS = 12;
/** What memory may grow by between the first third and the end. */
const GROWTH_BYTES_MAX = 64 << 20;
const BEAT_MS = 1_000;

const seconds = Number(process.argv[2] ?? 1_800);
const count = Number(process.argv[3] ?? RUNS);
const dir = mkdtempSync(join(tmpdir(), 'tandem-soak-'));
const module = new URL('fault/inject.js', import.meta.url).href;
const words = new Int32Array(new SharedArrayBuffer(8));
const filesOpen = () => readdirSync('/proc/self/fd').length;

const filesBefore = filesOpen();
const tandem = await createIn(dir, {}, { module, shared: { name: 'sometimes-fails', words } });
const counts = { flushes: 0, failures: 0, records: 0 };
const end = performance.now() + seconds * 1000;
const isOver = () => performance.now() > end;
const random = (below) => Math.floor(Math.random() * below);

/** A call that may fail as disks do, and in no other way. */
async function tried(call) {
    try {
        return await call();
    } catch (error) {
        assert.ok(['storage', 'history', 'locked'].includes(error.kind), error.stack);
        counts.failures += 1;
        return undefined;
    }
}

async function open(taskId, runId) {
    for (;;) {
        const run = await tried(() => tandem.openRun({ taskId, runId, heartbeatIntervalMs: BEAT_MS }));
        if (run) {
            return run;
        }
    }
}

/** One run after another, as a fleet has them. What was acknowledged is looked for on the disk. */
async function job(number) {
    const taskId = `task-${number % TASKS}`;
    for (let generation = 0; !isOver(); generation += 1) {
        const runId = `run-${number}-${generation}`;
        const run = await open(taskId, runId);
        const place = join(dir, '.runs', taskId, 'cli', runId, 'manifest.json');
        await run.set({ runId, step: 0, text: 'x'.repeat(random(20_000)) });
        const steps = 3 + random(5);
        for (let step = 1; step <= steps && !isOver(); step += 1) {
            await sleep(random(4 * BEAT_MS));
            await run.mark({ heartbeat: true });
            await run.merge({ step });
            if (await tried(() => run.flush())) {
                counts.flushes += 1;
                assert.equal(JSON.parse(readFileSync(place, 'utf8')).step, step);
            }
        }
        while (!(await tried(() => run.close()))) {
            await sleep(random(100));
        }
        const summary = { taskId, runId, timestamp: new Date().toISOString() };
        while (!(await tried(() => tandem.recordRun(summary, { keepLast: KEEP_LAST })))) {
            await sleep(random(100));
        }
        counts.records += 1;
        await tried(() => tandem.removeRuns([runId], { taskId, aliveForMs: 0 }));
    }
}

function report() {
    globalThis.gc?.();
    const { rss, heapUsed } = process.memoryUsage();
    const told = { atS: Math.round(seconds - (end - performance.now()) / 1000), rssMib: rss >> 20, heapMib: heapUsed >> 20, files: filesOpen(), ...counts };
    console.log(JSON.stringify(told));
    return rss;
}

const reports = [];
const reporter = setInterval(() => reports.push(report()), (seconds * 1000) / REPORTS);
await Promise.all(Array.from({ length: count }, (_, number) => job(number)));
clearInterval(reporter);
await tandem.close();
reports.push(report());

const [early, last] = [Math.max(...reports.slice(0, Math.ceil(reports.length / 3))), reports.at(-1)];
assert.ok(last - early < GROWTH_BYTES_MAX, `memory grew from ${early} to ${last} bytes`);
assert.ok(counts.failures > 0, 'nothing failed');
for (let task = 0; task < Math.min(TASKS, count); task += 1) {
    const history = JSON.parse(readFileSync(join(dir, 'out', `task-${task}`, 'runs.json'), 'utf8'));
    assert.ok(history.runs.length <= KEEP_LAST);
}
assert.equal(filesOpen(), filesBefore, 'files are left open');
assert.deepEqual(process.getActiveResourcesInfo().filter((name) => !/^(TTY|Pipe|FSReq)/.test(name)), []);
rmSync(dir, { recursive: true, force: true });
console.log('flat, and nothing is left');
