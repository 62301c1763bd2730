import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { directory, inTime, tandem as givenTandem } from './given.js';

const KILLS = 8;

const script = fileURLToPath(new URL('child/flush.js', import.meta.url));

/** Flushes in a process of its own, and kills it after so many flushes, in the middle of more. */
async function flushedUntilKilled(dir, flushes) {
    const child = spawn(process.execPath, [script, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
    let acknowledged = 0;
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (text) => {
        acknowledged += text.length;
        if (acknowledged >= flushes) {
            child.kill('SIGKILL');
        }
    });
    const [code, signal] = await inTime(once(child, 'close'));
    assert.equal(signal, 'SIGKILL', `it ended by itself with ${code}`);
    return acknowledged;
}

test('a process that is killed while it flushes leaves whole files', async () => {
    const { dir, tandem } = await givenTandem();
    const place = join(dir, '.runs', 'task', 'cli', 'run');
    for (let kill = 0; kill < KILLS; kill += 1) {
        const acknowledged = await flushedUntilKilled(dir, 1 + kill);
        const { n, text } = JSON.parse(readFileSync(join(place, 'manifest.json'), 'utf8'));
        assert.ok(n >= acknowledged, `flush ${acknowledged} was acknowledged, and ${n} is there`);
        assert.equal(text.length, 100_000);
        assert.match(readFileSync(join(place, '.heartbeat'), 'utf8'), /^[-\dT:.]{23}Z\n$/);
    }
    const run = await inTime(tandem.openRun({ taskId: 'task', runId: 'run', sweepAfterMs: 0 }));
    assert.equal(run.recovery.document.text.length, 100_000);
    assert.deepEqual(run.recovery.setAside, []);
    await inTime(run.close());
});
