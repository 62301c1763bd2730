// What wasi:filesystem is here: what jco's own shim does otherwise, and who may reach what.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { granted } from '../src/wasi/beneath.js';
import { monotonicClock, wallClock } from '../src/wasi/clocks.js';
import { Descriptor } from '../src/wasi/descriptor.js';
import { poll } from '../src/wasi/poll.js';
import { OutputStream } from '../src/wasi/streams.js';
import { Syncs } from '../src/wasi/syncs.js';
import { Temporaries } from '../src/wasi/temporaries.js';
import { BOTH, directory, inTime, summary, tandem as givenTandem } from './given.js';

const TEMPORARY = '.file.0123.tandem-tmp';
const dispose = Symbol.dispose ?? Symbol.for('dispose');

/** The preopened directory; with names of the system, or with paths only. */
function preopened(dir, isNamed) {
    const place = granted(dir, isNamed);
    const syncs = new Syncs();
    const disk = { syncs, temporaries: new Temporaries(0o022), stream: (fd, position) => new OutputStream(fd, position, syncs) };
    return new Descriptor(disk, { fd: place.fd, directory: place });
}

function codeOf(call) {
    try {
        call();
    } catch (error) {
        return error.payload;
    }
    return undefined;
}

/** Both ways to reach files; the second is for systems without names for open directories. */
const WAYS = [existsSync('/proc/self/fd') && true, false].filter((isNamed) => isNamed !== undefined);

for (const isNamed of WAYS) {
    const way = isNamed ? 'by descriptor' : 'by path';

    test(`no path leaves the directory, ${way}`, () => {
        const dir = directory();
        const outside = directory();
        writeFileSync(join(outside, 'secret'), 'secret');
        mkdirSync(join(dir, 'inside'));
        symlinkSync(outside, join(dir, 'link'));
        symlinkSync(join(dir, 'inside'), join(dir, 'within'));
        const root = preopened(dir, isNamed);
        const openDirectory = (path, symlinkFollow = true) =>
            root.openAt({ symlinkFollow }, path, { directory: true }, { read: true });
        const openFile = (path) => root.openAt({}, path, {}, { read: true });

        for (const path of ['..', '../x', '/etc', 'inside/../..', 'link']) {
            assert.equal(codeOf(() => openDirectory(path)), 'not-permitted', path);
        }
        for (const path of ['..', '../x', '/etc/passwd', 'link/secret', 'inside/../../x']) {
            assert.equal(codeOf(() => openFile(path)), 'not-permitted', path);
        }
        assert.equal(codeOf(() => openFile('a\0b')), 'invalid');
        assert.equal(codeOf(() => openFile('')), 'invalid');
        assert.equal(codeOf(() => openFile('link')), 'loop');
        assert.match(codeOf(() => openDirectory('link', false)), /^(loop|not-directory)$/);
        assert.equal(codeOf(() => root.unlinkFileAt('link/secret')), 'not-permitted');
        assert.equal(codeOf(() => root.createDirectoryAt('link/new')), 'not-permitted');
        assert.equal(codeOf(() => root.removeDirectoryAt('link/secret')), 'not-permitted');
        assert.equal(codeOf(() => root.removeDirectoryAt('link')), 'not-directory');
        assert.equal(codeOf(() => root.renameAt('link/secret', root, 'x')), 'not-permitted');
        assert.equal(codeOf(() => root.statAt({}, 'link/secret')), 'not-permitted');
        assert.equal(readFileSync(join(outside, 'secret'), 'utf8'), 'secret');
        assert.deepEqual(readdirSync(outside), ['secret']);

        openDirectory('within')[dispose]();
        assert.equal(root.statAt({}, 'link').type, 'symbolic-link');
        root[dispose]();
    });

    test(`a file gets the mode of what it replaces, ${way}`, () => {
        const dir = directory();
        const root = preopened(dir, isNamed);
        const modeOf = (name) => statSync(join(dir, name)).mode & 0o7777;
        const flags = [{}, TEMPORARY, { create: true, exclusive: true }, { write: true }];
        const replaced = (isOpen) => {
            const file = root.openAt(...flags);
            assert.equal(modeOf(TEMPORARY), 0o600, 'a temporary file is private');
            if (!isOpen) {
                file[dispose]();
            }
            root.renameAt(TEMPORARY, root, 'file');
            if (isOpen) {
                file[dispose]();
            }
            return modeOf('file');
        };
        assert.equal(replaced(false), 0o644);
        for (const mode of [0o600, 0o640, 0o666]) {
            chmodSync(join(dir, 'file'), mode);
            assert.equal(replaced(mode === 0o640), mode);
        }
        chmodSync(join(dir, 'file'), 0o4755);
        assert.equal(replaced(false), 0o755, 'nobody runs it as somebody else');
        root[dispose]();
    });
}

test('a directory that is swapped for a link after it was opened leads nowhere else', { skip: !existsSync('/proc/self/fd') }, () => {
    const dir = directory();
    const outside = directory();
    const root = preopened(dir, true);
    root.createDirectoryAt('sub');
    const sub = root.openAt({}, 'sub', { directory: true }, { read: true });
    renameSync(join(dir, 'sub'), join(dir, 'moved'));
    symlinkSync(outside, join(dir, 'sub'));
    sub.openAt({}, 'file', { create: true, exclusive: true }, { write: true })[dispose]();
    assert.deepEqual(readdirSync(outside), []);
    assert.deepEqual(readdirSync(join(dir, 'moved')), ['file']);
    sub[dispose]();
    root[dispose]();
});

test('every file of a run keeps its mode when it is replaced', async () => {
    const { dir, tandem } = await givenTandem();
    const run = await inTime(tandem.openRun({ taskId: 'task', runId: 'run' }));
    const write = async (n) => {
        await inTime(run.set({ n }));
        await inTime(run.schedule(BOTH));
        await inTime(tandem.recordRun(summary('task', 'run', { n })));
    };
    await write(1);
    const files = ['.runs/task/cli/run/manifest.json', '.runs/task/cli/run/.heartbeat', '.runs/task/run/manifest.json', 'out/task/runs.json'];
    files.forEach((file) => chmodSync(join(dir, file), 0o600));
    await write(2);
    for (const file of files) {
        assert.equal(statSync(join(dir, file)).mode & 0o777, 0o600, file);
    }
    await inTime(run.close());
});

test('a pipe in a file\'s place does not hang', () => {
    const dir = directory();
    execFileSync('mkfifo', [join(dir, 'pipe')]);
    const root = preopened(dir);
    const pipe = root.openAt({}, 'pipe', {}, { read: true });
    assert.equal(codeOf(() => pipe.read(10n, 0n)), 'invalid-seek');
    pipe[dispose]();
    root[dispose]();
});

test('the preopened directory and others can be synced and listed', () => {
    const root = preopened(directory());
    root.createDirectoryAt('sub');
    const sub = root.openAt({ symlinkFollow: true }, 'sub', { directory: true }, { read: true });
    for (const descriptor of [root, sub]) {
        descriptor.sync();
        descriptor.syncData();
    }
    assert.deepEqual(root.readDirectory().readDirectoryEntry(), { type: 'directory', name: 'sub' });
    assert.equal(sub.readDirectory().readDirectoryEntry(), undefined);
    sub[dispose]();
    root[dispose]();
});

test('the clocks are read, and a time that is over is not waited for', () => {
    const { seconds, nanoseconds } = wallClock.now();
    const nowMs = Number(seconds) * 1000 + nanoseconds / 1e6;
    assert.ok(Math.abs(nowMs - Date.now()) < 60_000);
    const over = monotonicClock.subscribeInstant(monotonicClock.now() - 1n);
    const far = monotonicClock.subscribeInstant(monotonicClock.now() + 10n ** 15n);
    assert.deepEqual([...poll([far, over])], [1]);
    const soon = monotonicClock.subscribeInstant(monotonicClock.now() + 1_000_000n);
    assert.deepEqual([...poll([far, soon])], [1]);
});
