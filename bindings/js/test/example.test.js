import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { directory } from './given.js';
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
