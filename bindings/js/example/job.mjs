// Runs a command, and keeps its state while it runs and its record when it is over:
//
//     node example/job.mjs DIRECTORY TASK COMMAND [ARGUMENT ...]

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import process from 'node:process';

import { Tandem } from 'tandem-persistence';

const HEARTBEAT_MS = 5_000;
const FAILED_TO_START = 127;

const [, , dir, taskId, command, ...args] = process.argv;
if (command === undefined) {
    console.error('usage: node job.mjs DIRECTORY TASK COMMAND [ARGUMENT ...]');
    process.exit(2);
}

const now = () => new Date().toISOString();
const runId = `${now().replaceAll(/[:.]/g, '-')}-${randomBytes(4).toString('hex')}`;

const tandem = await Tandem.create({ dir });
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

// What fails here is retried, and told by `close` if it still fails then.
const beat = () => run.schedule({ heartbeat: true }).catch((error) => console.error(error.message));
const heart = setInterval(beat, HEARTBEAT_MS);

const child = spawn(command, args, { stdio: 'inherit' });
let code;
try {
    [code] = await once(child, 'close');
} catch (error) {
    console.error(error.message);
    code = FAILED_TO_START;
}
clearInterval(heart);

const status = code === 0 ? 'succeeded' : 'failed';
await run.merge({ status, exit_code: code, completed_at: now() });
await run.close();
await tandem.recordRun({ taskId, runId, timestamp: now(), startedAt, status, code });
process.exitCode = code ?? 1;
