import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { directory, inTime, lock, unlock } from './given.js';
import { runNode } from './process.js';

const LIMIT_MS = 60_000;

const job = fileURLToPath(new URL('../example/job.mjs', import.meta.url));

async function ran(dir, ...command) {
    const ended = await runNode([job, dir, 'task', ...command], LIMIT_MS);
    assert.ok(!ended.isTimedOut, 'the example hangs');
    return ended;
}

test('the example keeps the state of its command, and its record', async () => {
    const dir = directory();
    // The command reads its own manifest, which says that it is running.
    const print = `
        const fs = require('node:fs'), runs = process.argv[1] + '/.runs/task/cli/';
        const manifest = runs + fs.readdirSync(runs)[0] + '/manifest.json';
        console.log(JSON.parse(fs.readFileSync(manifest)).status);
    `;
    const well = await ran(dir, process.execPath, '-e', print, dir);
    assert.equal(well.code, 0, well.stderr);
    assert.equal(well.stdout, 'in_progress\n');

    const runs = join(dir, '.runs', 'task', 'cli');
    const [runId] = readdirSync(runs);
    const manifest = JSON.parse(readFileSync(join(runs, runId, 'manifest.json'), 'utf8'));
    assert.equal(manifest.status, 'succeeded');
    assert.equal(manifest.exit_code, 0);

    const badly = await ran(dir, process.execPath, '-e', 'process.exit(3)');
    assert.equal(badly.code, 3, badly.stderr);
    assert.equal((await ran(dir, join(dir, 'no-such-command'))).code, 127);
    const history = JSON.parse(readFileSync(join(dir, 'out', 'task', 'runs.json'), 'utf8'));
    assert.deepEqual(
        history.runs.map(({ status, code }) => [status, code]),
        [
            ['succeeded', 0],
            ['failed', 3],
            ['failed', 127],
        ],
    );
});

/** Runs the example with a command of Node's, and does something when the command has started. */
async function ranMeanwhile(dir, program, act) {
    const command = [process.execPath, '-e', `console.log('started'); ${program}`];
    const child = spawn(process.execPath, [job, dir, 'task', ...command], { stdio: ['ignore', 'pipe', 'pipe'] });
    let told = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
        told += text;
    });
    child.stdout.once('data', () => act(child));
    const [code] = await inTime(once(child, 'close'));
    return { code, told };
}

test('the example records its run although the manifest cannot be written', async () => {
    const dir = directory();
    const runs = join(dir, '.runs', 'task', 'cli');
    const { code, told } = await ranMeanwhile(dir, 'setTimeout(() => process.exit(4), 200)', () => {
        const [runId] = readdirSync(runs);
        const place = join(runs, runId, 'manifest.json');
        // What replaces a file cannot replace a directory.
        rmSync(place);
        mkdirSync(place);
    });
    assert.equal(code, 4, told);
    assert.match(told, /^manifest: cannot replace .*manifest\.json: is-directory$/m);
    const history = JSON.parse(readFileSync(join(dir, 'out', 'task', 'runs.json'), 'utf8'));
    assert.deepEqual(history.runs.map(({ status }) => status), ['failed']);
});

test('the example passes a signal on, and records that the run was cancelled', async () => {
    const dir = directory();
    const { code, told } = await ranMeanwhile(dir, 'setInterval(() => {}, 1000)', (child) => child.kill('SIGTERM'));
    assert.equal(code, 143, told);
    const history = JSON.parse(readFileSync(join(dir, 'out', 'task', 'runs.json'), 'utf8'));
    assert.deepEqual(history.runs.map(({ status }) => status), ['cancelled']);
});

test('the example runs its command although no state can be kept, and tells its record', async () => {
    const dir = directory();
    // What is below them can never be made.
    for (const name of ['.runs', 'out']) {
        writeFileSync(join(dir, name), '');
    }
    const { code, stdout, stderr } = await ran(dir, process.execPath, '-e', "console.log('runs')");
    assert.deepEqual([code, stdout], [74, 'runs\n'], stderr);
    assert.match(stderr, /^record: .*"status":"succeeded","code":0}$/m);
});

test('the example records its run when the disk lets it', async () => {
    const dir = directory();
    lock(dir, 'task');
    const env = { ...process.env, JOB_LOCK_WAIT_MS: '0' };
    const child = spawn(process.execPath, [job, dir, 'task', process.execPath, '-e', ''], { stdio: ['ignore', 'ignore', 'pipe'], env });
    // It has failed once by then.
    child.stderr.once('data', () => unlock(dir, 'task'));
    const [code] = await inTime(once(child, 'close'));
    assert.equal(code, 0);
    const history = JSON.parse(readFileSync(join(dir, 'out', 'task', 'runs.json'), 'utf8'));
    assert.deepEqual(history.runs.map(({ status }) => status), ['succeeded']);
});
