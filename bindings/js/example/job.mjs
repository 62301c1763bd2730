// Runs a command, and keeps its state while it runs and its record when it is over:
//
//     node example/job.mjs DIRECTORY TASK COMMAND [ARGUMENT ...]

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { constants } from 'node:os';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

import { Tandem } from 'tandem-persistence';

const HEARTBEAT_MS = 5_000;
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 30_000;
/** How long the record of a run is tried again while it may still be kept. */
const RECORD_MS = Number(process.env.JOB_RECORD_MS ?? 600_000);
const LOCK_WAIT_MS = Number(process.env.JOB_LOCK_WAIT_MS ?? 30_000);
const NOT_RECORDED = 74;
const FAILED_TO_START = 127;
const BY_SIGNAL = 128;

const [, , dir, taskId, command, ...args] = process.argv;
if (command === undefined) {
    console.error('usage: node job.mjs DIRECTORY TASK COMMAND [ARGUMENT ...]');
    process.exit(2);
}

const now = () => new Date().toISOString();
const runId = `${now().replaceAll(/[:.]/g, '-')}-${randomBytes(4).toString('hex')}`;

/** What fails here is told, and keeps nothing that comes after it from being done. */
async function attempt(what, call) {
    try {
        return await call();
    } catch (error) {
        console.error(`${what}: ${error.message}`);
        return undefined;
    }
}

/** Tries again, with longer and longer pauses, what may be possible later. */
async function persist(call) {
    const giveUpAt = Date.now() + RECORD_MS;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LAST_PAUSE_MS)) {
        try {
            return await call();
        } catch (error) {
            if (!error.retryable || Date.now() + pauseMs > giveUpAt) {
                throw error;
            }
            console.error(`record: ${error.message}; it is tried again`);
            await sleep(pauseMs);
        }
    }
}

// The command is told to stop, or not started any more, and what became of it is kept.
let passedOn;
let child;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
        passedOn = signal;
        child?.kill(signal);
    });
}

const startedAt = now();
const tandem = await Tandem.open(dir);
// The command runs although its state cannot be written.
const run = await attempt('open', () => tandem.openRun({ taskId, runId }));
await attempt('manifest', async () => {
    await run?.set({
        version: 1,
        task_id: taskId,
        run_id: runId,
        status: 'in_progress',
        started_at: startedAt,
        command: [command, ...args],
    });
    // The state is on the disk before the command starts.
    await run?.schedule({ manifest: true, heartbeat: true, force: true });
});

// What cannot be written is retried, and told by `close` if that fails too.
const heart = setInterval(() => attempt('heartbeat', () => run?.mark({ heartbeat: true })), HEARTBEAT_MS);

let code;
let signal = passedOn ?? null;
if (!passedOn) {
    try {
        child = spawn(command, args, { stdio: 'inherit' });
        [code, signal] = await once(child, 'close');
    } catch (error) {
        console.error(error.message);
        code = FAILED_TO_START;
    }
}
clearInterval(heart);
code ??= BY_SIGNAL + constants.signals[signal];

const ended = code === 0 ? 'succeeded' : 'failed';
const status = passedOn && code !== 0 ? 'cancelled' : ended;
await attempt('manifest', async () => {
    await run?.merge({ status, exit_code: code, completed_at: now() });
    await run?.close();
});
const summary = { taskId, runId, timestamp: now(), startedAt, status, code };
try {
    await persist(() => tandem.recordRun(summary, { lockWaitMs: LOCK_WAIT_MS }));
} catch (error) {
    // It is the last place that is left.
    console.error(`record: ${error.message}: ${JSON.stringify(summary)}`);
    code ||= NOT_RECORDED;
}
await attempt('close', () => tandem.close());
process.exitCode = code;
