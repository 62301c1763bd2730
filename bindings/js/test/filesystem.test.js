// What jco's own shim does otherwise.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { monotonicClock, systemClock } from '../src/wasi/clocks.js';
import { Descriptor } from '../src/wasi/descriptor.js';
import { wasiFor } from '../src/wasi/index.js';
import { directory, inTime } from './given.js';

/** Bytes as the component's streams give them. */
function streamOf(...chunks) {
    return {
        async read() {
            const done = chunks.length === 0;
            return { value: chunks.shift(), done };
        },
        [Symbol.dispose]() {},
    };
}

async function readWhole([stream, outcome]) {
    const chunks = [];
    for await (const chunk of stream) {
        chunks.push(chunk);
    }
    return { bytes: Buffer.concat(chunks), outcome: await outcome };
}

test('a short write is carried on', async () => {
    const file = join(directory(), 'file');
    const handle = await fs.open(file, 'w');
    const short = {
        write: (bytes, from, length, position) =>
            handle.write(bytes, from, Math.min(length, 7), position),
    };
    const text = 'a text that is longer than seven bytes';
    const descriptor = new Descriptor('/', '/', short);
    await inTime(descriptor.writeViaStream(streamOf([...Buffer.from(text)]), 0n));
    await handle.close();
    assert.equal(readFileSync(file, 'utf8'), text);
});

test('files that are read at the same time keep their bytes apart', async () => {
    const dir = directory();
    const root = Descriptor.preopen(dir);
    const names = Array.from({ length: 8 }, (_, number) => `file-${number}`);
    for (const [number, name] of names.entries()) {
        writeFileSync(join(dir, name), Buffer.alloc(300_000, number));
    }
    const read = await inTime(
        Promise.all(
            names.map(async (name) => {
                const file = await root.openAt({}, name, {}, { read: true });
                const reading = readWhole(file.readViaStream(0n));
                // A stream goes on when its file is dropped.
                file[Symbol.dispose]();
                return reading;
            }),
        ),
    );
    for (const [number, { bytes, outcome }] of read.entries()) {
        assert.equal(outcome.tag, 'ok');
        assert.ok(bytes.equals(Buffer.alloc(300_000, number)), `file-${number}`);
    }
});

test('a stream that is given up ends well', async () => {
    const dir = directory();
    writeFileSync(join(dir, 'file'), 'text');
    const [entries, listed] = Descriptor.preopen(dir).readDirectory();
    await entries.return();
    assert.equal((await inTime(listed)).tag, 'ok');
    const file = await Descriptor.preopen(dir).openAt({}, 'file', {}, { read: true });
    const [stream, outcome] = file.readViaStream(0n);
    await stream.return();
    assert.equal((await inTime(outcome)).tag, 'ok');
    file[Symbol.dispose]();
});

/** What a function of node:fs/promises opens from now on. */
function watched(t, name) {
    const found = [];
    const real = fs[name];
    t.mock.method(fs, name, async (...args) => {
        const handle = await real(...args);
        found.push({ handle, close: t.mock.method(handle, 'close') });
        return handle;
    });
    return found;
}

function instance(dir) {
    const { imports, abandon } = wasiFor(dir);
    const [[root]] = imports['wasi:filesystem/preopens'].getDirectories();
    return { root, abandon };
}

test('a directory that opens after its stream was given up is closed', async (t) => {
    const opened = watched(t, 'opendir');
    const [entries, outcome] = Descriptor.preopen(directory()).readDirectory();
    const first = entries.next();
    await entries.return();
    await inTime(outcome);
    await inTime(first);
    assert.equal(opened.length, 1);
    assert.ok(opened[0].close.mock.callCount() > 0);
});

test('what a component that failed has open is closed, and what it was opening', async (t) => {
    const dir = directory();
    writeFileSync(join(dir, 'file'), 'text');
    const [files, directories] = [watched(t, 'open'), watched(t, 'opendir')];
    const { root, abandon } = instance(dir);
    const open = () => root.openAt({}, 'file', {}, { read: true });
    const [read, dropped] = [await open(), await open()];
    const [stream] = read.readViaStream(0n);
    await stream.next();
    dropped[Symbol.dispose]();
    const [entries] = root.readDirectory();
    await entries.next();
    const late = open();
    abandon();
    await inTime(late);
    assert.deepEqual([files.length, directories.length], [3, 1]);
    await inTime(new Promise(setImmediate));
    for (const { close } of [...files, ...directories]) {
        assert.ok(close.mock.callCount() > 0);
    }
});

test('a pipe in a file\'s place does not hang', async () => {
    const dir = directory();
    execFileSync('mkfifo', [join(dir, 'pipe')]);
    const pipe = await inTime(Descriptor.preopen(dir).openAt({}, 'pipe', {}, { read: true }));
    const { outcome } = await inTime(readWhole(pipe.readViaStream(0n)));
    assert.equal(outcome.val?.tag, 'invalid-seek');
    pipe[Symbol.dispose]();
});

test('a stream that fails tells the code', async () => {
    const dir = directory();
    const root = Descriptor.preopen(dir);
    const { outcome } = await inTime(readWhole(root.readDirectory()));
    assert.equal(outcome.tag, 'ok');
    const handle = await root.openAt({}, '.', { directory: true }, { read: true });
    const { outcome: failed } = await inTime(readWhole(handle.readViaStream(0n)));
    assert.deepEqual(failed, { tag: 'err', val: { tag: 'is-directory' } });
    handle[Symbol.dispose]();
});

test('the preopened directory and others can be synced', async () => {
    const root = Descriptor.preopen(directory());
    await root.createDirectoryAt('sub');
    const sub = await root.openAt({ symlinkFollow: true }, 'sub', { directory: true }, { read: true });
    for (const descriptor of [root, sub]) {
        await inTime(descriptor.sync());
        await inTime(descriptor.syncData());
    }
    sub[Symbol.dispose]();
});

test('the clocks are read once, and a mark that is over is not waited for', async () => {
    const { seconds, nanoseconds } = systemClock.now();
    const nowMs = Number(seconds) * 1000 + nanoseconds / 1e6;
    assert.ok(Math.abs(nowMs - Date.now()) < 60_000);
    await inTime(monotonicClock.waitUntil(monotonicClock.now() - 1n));
    await inTime(monotonicClock.waitUntil(0n));
});
