// `npm run bench [-- ROUNDS]`: how long a start, a pair of files, and the pairs of 64 runs at once take,
// beside write-file-atomic. Each turn has a new document.
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

import { Tandem } from '../dist/index.js';

const DEFAULT_ROUNDS = 200;
const START_ROUNDS = 10;
const SIZES_KIB = [2, 32, 256];
const RUNS_AT_ONCE = 64;
const RUNS_AT_ONCE_KIB = 2;
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

/** The pairs of so many runs at once. */
async function pairs(count, kib, durability) {
    const tandem = await Tandem.create({ dir: scratch });
    const fsync = durability === 'durable';
    const all = await Promise.all(
        Array.from({ length: count }, async (_, number) => {
            const runId = `${count}-${kib}-${durability}-${number}`;
            const options = { manifestDurability: durability, heartbeatDurability: durability };
            const run = await tandem.openRun({ taskId: 'bench', runId, ...options });
            const beside = join(scratch, `beside-${runId}`);
            mkdirSync(beside);
            return { run, beside };
        }),
    );
    const ours = async ({ run }, text) => {
        await Promise.all([run.set(text), run.schedule({ manifest: true, heartbeat: true, force: true })]);
    };
    const theirs = ({ beside }, text) =>
        Promise.all([
            writeFileAtomic(join(beside, 'manifest.json'), `${text}\n`, { fsync }),
            writeFileAtomic(join(beside, '.heartbeat'), `${new Date().toISOString()}\n`, { fsync }),
        ]);
    const times = { tandem: [], writeFileAtomic: [] };
    for (let round = 0; round < rounds; round += 1) {
        const text = manifest(kib, round);
        const turns = [
            async () => times.tandem.push(await microseconds(() => Promise.all(all.map((one) => ours(one, text))))),
            async () => times.writeFileAtomic.push(await microseconds(() => Promise.all(all.map((one) => theirs(one, text))))),
        ];
        // Whoever comes second meets what the first has left to the disk.
        for (const turn of round % 2 ? turns : turns.reverse()) {
            await turn();
        }
    }
    await tandem.close();
    const [oursUs, theirsUs] = [median(times.tandem), median(times.writeFileAtomic)];
    return {
        runs: count,
        kib,
        durability,
        tandemUs: Math.round(oursUs),
        writeFileAtomicUs: Math.round(theirsUs),
        ratio: Number((oursUs / theirsUs).toFixed(2)),
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
    const measured = [];
    for (const durability of ['visible', 'durable']) {
        for (const kib of SIZES_KIB) {
            measured.push(await pairs(1, kib, durability));
        }
        measured.push(await pairs(RUNS_AT_ONCE, RUNS_AT_ONCE_KIB, durability));
    }
    const versionOf = (name) =>
        JSON.parse(readFileSync(join(packageDir, 'node_modules', name, 'package.json'))).version;
    const report = {
        node: process.versions.node,
        writeFileAtomic: versionOf('write-file-atomic'),
        rounds,
        start: await start(),
        pairs: measured,
        packageBytes: size(),
    };
    console.log(JSON.stringify(report, null, 2));
} finally {
    rmSync(scratch, { recursive: true, force: true });
}
