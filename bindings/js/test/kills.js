// `node test/kills.js [COUNT]`: kills a process at random moments, and looks whether all that it was
// told to be written is there.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { Tandem } from '../src/index.js';

const COUNT = 100;
/** A process is killed at most so long after its first acknowledgement, or its first record. */
const LIFE_MS_MAX = 300;

const script = fileURLToPath(new URL('child/acknowledges.js', import.meta.url));

/** What a process told until it was killed. */
async function killed(dir, name, isAfterRecord) {
    const child = spawn(process.execPath, [script, dir, name], { stdio: ['ignore', 'pipe', 'inherit'] });
    let told = '';
    child.stdout.setEncoding('utf8');
    let isCounting = false;
    child.stdout.on('data', (text) => {
        told += text;
        if (!isCounting && (!isAfterRecord || told.includes('recorded'))) {
            isCounting = true;
            setTimeout(() => child.kill('SIGKILL'), Math.random() * LIFE_MS_MAX);
        }
    });
    const [code, signal] = await once(child, 'close');
    assert.equal(signal, 'SIGKILL', `it ended by itself with ${code}`);
    const lines = told.split('\n').slice(0, -1).map((line) => line.split(' '));
    const of = (kind) => lines.filter(([what]) => what === kind).map(([, value]) => value);
    return { flushed: Math.max(0, ...of('flushed').map(Number)), recorded: of('recorded') };
}

/** Kills so many processes, one after the other. Answers how much they told. */
export async function kill(count) {
    const dir = mkdtempSync(join(tmpdir(), 'tandem-kills-'));
    const place = join(dir, '.runs', 'task', 'cli', 'run');
    const recorded = new Set();
    let last = 0;
    for (let number = 0; number < count; number += 1) {
        const told = await killed(dir, `process-${number}`, number % 2 === 0);
        told.recorded.forEach((runId) => recorded.add(runId));
        last = Math.max(last, told.flushed);

        const { n, text } = JSON.parse(readFileSync(join(place, 'manifest.json'), 'utf8'));
        assert.ok(n >= last, `flush ${last} was acknowledged, and ${n} is there`);
        assert.equal(text.length, 100_000);
        assert.match(readFileSync(join(place, '.heartbeat'), 'utf8'), /^[-\dT:.]{23}Z\n$/);
        if (recorded.size > 0) {
            const { runs } = JSON.parse(readFileSync(join(dir, 'out', 'task', 'runs.json'), 'utf8'));
            const there = new Set(runs.map(({ runId }) => runId));
            const lost = [...recorded].filter((runId) => !there.has(runId));
            assert.deepEqual(lost, [], 'recorded, and not in the history');
        }
    }
    const tandem = await Tandem.create({ dir });
    const run = await tandem.openRun({ taskId: 'task', runId: 'run', sweepAfterMs: 0 });
    assert.deepEqual(run.recovery.setAside, []);
    await run.close();
    await tandem.close();
    rmSync(dir, { recursive: true, force: true });
    return { kills: count, flushes: last, records: recorded.size };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    console.log(await kill(Number(process.argv[2] ?? COUNT)));
}
