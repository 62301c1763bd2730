// How a process ends.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { directory, inTime } from './given.js';
import { runNode } from './process.js';

const LIMIT_MS = 60_000;

const script = fileURLToPath(new URL('child/ends.js', import.meta.url));
const manifestOf = (dir) => JSON.parse(readFileSync(join(dir, '.runs', 'task', 'cli', 'run', 'manifest.json'), 'utf8'));

/** How a process ends that does what `child/ends.js` has under this name. */
async function ended(how, dir = directory()) {
    const { isTimedOut, code, signal, stdout, stderr } = await runNode([script, how, dir], LIMIT_MS);
    assert.ok(!isTimedOut, `it does not end: ${stdout}${stderr}`);
    return { dir, code, signal, stdout, stderr };
}

test('a process that awaits a call ends after it, and not before', async () => {
    const { code, stdout, stderr } = await ended('awaits');
    assert.deepEqual([code, stdout], [0, 'opened\nset\nthrottled\nrecorded\nread\n'], stderr);
});

test('a process with open runs and nothing to do ends', async () => {
    assert.deepEqual((await ended('idle')).code, 0);
});

test('what was not written is written before the process ends', async () => {
    const { dir, code, stderr } = await ended('forgets');
    assert.equal(code, 0, stderr);
    assert.deepEqual(manifestOf(dir), { n: 2 });
});

test('a process ends although a channel can never be written, after one more try', async () => {
    const { code, stdout, stderr } = await ended('fails-for-ever');
    assert.deepEqual([code, stdout], [0, 'failed\nabout to end 2 times\n'], stderr);
});

test('process.exit ends the process with its code, and leaves whole files', async () => {
    const { dir, code } = await ended('exits');
    assert.equal(code, 5);
    assert.equal(manifestOf(dir).text.length, 100_000);
});

test('an error that nobody catches ends the process', async () => {
    const { code, stderr } = await ended('throws');
    assert.equal(code, 1);
    assert.match(stderr, /of the caller/);
});

test('after close nothing keeps the process alive, and nothing is left to be called', async () => {
    const { dir, code, stdout, stderr } = await ended('closes');
    assert.deepEqual([code, stdout], [0, 'closed closed closed closed\n'], stderr);
    assert.deepEqual(manifestOf(dir), { n: 1 });
});

test('close tells what could not be written, and ends everything all the same', async () => {
    const { dir, code, stdout, stderr } = await ended('closes-badly');
    assert.deepEqual([code, stdout], [0, 'storage is-directory\nended\n'], stderr);
    const other = join(dir, '.runs', 'task', 'cli', 'other', 'manifest.json');
    assert.deepEqual(JSON.parse(readFileSync(other)), { n: 2 });
});

test('close ends the wait for a lock', async () => {
    const { dir, code, stdout, stderr } = await ended('closes-while-locked');
    assert.deepEqual([code, stdout], [0, 'locked locked closed\n'], stderr);
    assert.ok(existsSync(join(dir, '.runs', 'locked', 'a', 'manifest.json')));
});

test('a handler of SIGTERM that closes the Tandem loses nothing', async () => {
    const dir = directory();
    const child = spawn(process.execPath, [script, 'terminates', dir], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.once('data', () => child.kill('SIGTERM'));
    const [code, signal] = await inTime(once(child, 'close'));
    assert.deepEqual([code, signal], [143, null]);
    assert.equal(manifestOf(dir).status, 'cancelled');
    assert.deepEqual(readdirSync(join(dir, '.runs', 'task', 'cli', 'run')).sort(), ['.heartbeat', 'manifest.json']);
});
