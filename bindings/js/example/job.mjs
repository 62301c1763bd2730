// Runs a command, and keeps its state while it runs and its record when it is over:
//
//     node example/job.mjs DIRECTORY TASK COMMAND [ARGUMENT ...]

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { constants } from 'node:os';
import process from 'node:process';

import { Tandem } from 'tandem-persistence';

const HEARTBEAT_MS = 5_000;
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

const tandem = await Tandem.open(dir);
const run = await tandem.openRun({ taskId, runId });
const startedAt = now();
await run.set({
    version: 1,
    task_id: taskId,
    run_id: runId,
    status: 'in_progress',
    started_at: startedAt,
    command: [command, ...args],
});
// The state is on the disk before the command starts.
await run.schedule({ manifest: true, heartbeat: true, force: true });

// What cannot be written is retried, and told by `close` if that fails too.
const heart = setInterval(() => attempt('heartbeat', () => run.mark({ heartbeat: true })), HEARTBEAT_MS);

const child = spawn(command, args, { stdio: 'inherit' });
// The command is told to stop, and what became of it is kept.
let passedOn;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
        passedOn = signal;
        child.kill(signal);
    });
}

let code;
let signal = null;
try {
    [code, signal] = await once(child, 'close');
} catch (error) {
    console.error(error.message);
    code = FAILED_TO_START;
}
clearInterval(heart);
code ??= BY_SIGNAL + constants.signals[signal];

const ended = code === 0 ? 'succeeded' : 'failed';
const status = passedOn && code !== 0 ? 'cancelled' : ended;
await attempt('manifest', async () => {
    await run.merge({ status, exit_code: code, completed_at: now() });
    await run.close();
});
await attempt('record', () => tandem.recordRun({ taskId, runId, timestamp: now(), startedAt, status, code }));
await attempt('close', () => tandem.close());
process.exitCode = code;
