// `npm run bench [-- ROUNDS]`: how long a start and a pair flush take, beside write-file-atomic.
//
// The contenders take turns in each round, so that a machine that gets slower does so for all.
// Prints one JSON object: medians in microseconds, and Tandem's as ratios of the other's.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import writeFileAtomic from 'write-file-atomic';

import { Tandem } from '../src/index.js';

const DEFAULT_ROUNDS = 40;
const START_ROUNDS = 10;
const SIZES_KIB = [2, 32, 256];
const packageDir = fileURLToPath(new URL('..', import.meta.url));

const rounds = Number(process.argv[2] ?? DEFAULT_ROUNDS);
const scratch = mkdtempSync(join(tmpdir(), 'tandem-bench-'));

function median(values) {
    const sorted = values.toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
}

async function microseconds(work) {
    const start = process.hrtime.bigint();
    await work();
    return Number(process.hrtime.bigint() - start) / 1000;
}

function manifest(kib, round) {
    return JSON.stringify({ round, text: 'x'.repeat(kib * 1024) }, null, 2);
}

async function pair(kib, durability) {
    const name = `${kib}-${durability}`;
    const options = { manifestDurability: durability, heartbeatDurability: durability };
    const tandem = await Tandem.create({ dir: scratch });
    const run = await tandem.openRun({ taskId: 'bench', runId: name, ...options });
    const beside = join(scratch, `beside-${name}`);
    mkdirSync(beside);
    const fsync = durability === 'durable';
    const times = { tandem: [], writeFileAtomic: [] };
    for (let round = 0; round < rounds; round += 1) {
        const text = manifest(kib, round);
        times.tandem.push(
            await microseconds(async () => {
                await run.set(text);
                await run.schedule({ manifest: true, heartbeat: true, force: true });
            }),
        );
        times.writeFileAtomic.push(
            await microseconds(() =>
                Promise.all([
                    writeFileAtomic(join(beside, 'manifest.json'), `${text}\n`, { fsync }),
                    writeFileAtomic(join(beside, '.heartbeat'), `${new Date().toISOString()}\n`, {
                        fsync,
                    }),
                ]),
            ),
        );
    }
    await run.close();
    const [ours, theirs] = [median(times.tandem), median(times.writeFileAtomic)];
    return {
        kib,
        durability,
        tandemUs: Math.round(ours),
        writeFileAtomicUs: Math.round(theirs),
        ratio: Number((ours / theirs).toFixed(1)),
    };
}

/** A process that creates, opens and flushes one pair, beside one that does nothing. */
async function start() {
    const script = fileURLToPath(new URL('start.js', import.meta.url));
    const times = { nothing: [], flush: [], inside: [] };
    for (let round = 0; round < START_ROUNDS; round += 1) {
        const node = (args) => execFileSync(process.execPath, args, { encoding: 'utf8' });
        times.nothing.push(await microseconds(() => node(['--eval', ''])));
        let output;
        times.flush.push(
            await microseconds(() => {
                output = node([script, scratch, String(round)]);
            }),
        );
        times.inside.push(Number(output));
    }
    return {
        emptyProcessUs: Math.round(median(times.nothing)),
        processWithFlushUs: Math.round(median(times.flush)),
        importToFirstFlushUs: Math.round(median(times.inside)),
    };
}

function size() {
    const bytesOf = (dir) =>
        readdirSync(join(packageDir, dir), { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
    const pack = ['pack', '--ignore-scripts', '--dry-run', '--json'];
    const [{ size: tarball, unpackedSize }] = JSON.parse(
        execFileSync('npm', pack, { cwd: packageDir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    );
    return { tarball, unpacked: unpackedSize, dist: bytesOf('dist'), src: bytesOf('src') };
}

try {
    const pairs = [];
    for (const kib of SIZES_KIB) {
        for (const durability of ['visible', 'durable']) {
            pairs.push(await pair(kib, durability));
        }
    }
    const versionOf = (name) =>
        JSON.parse(readFileSync(join(packageDir, 'node_modules', name, 'package.json'))).version;
    const report = {
        node: process.versions.node,
        writeFileAtomic: versionOf('write-file-atomic'),
        rounds,
        start: await start(),
        pairs,
        packageBytes: size(),
    };
    console.log(JSON.stringify(report, null, 2));
} finally {
    rmSync(scratch, { recursive: true, force: true });
}
