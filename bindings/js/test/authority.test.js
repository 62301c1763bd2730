// What the component can reach.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Tandem } from '../src/index.js';
import { Descriptor } from '../src/wasi/descriptor.js';
import { wasiFor } from '../src/wasi/index.js';
import { BOTH, directory, failure, inTime, summary, tandem as givenTandem } from './given.js';

const RUN = { taskId: 'task', runId: 'run' };

test('two instances with their own directories do not see each other', async () => {
    const [a, b] = [await givenTandem(), await givenTandem()];
    const [inA, inB] = await inTime(Promise.all([a.tandem.openRun(RUN), b.tandem.openRun(RUN)]));
    await inTime(Promise.all([inA.set({ of: 'a' }), inB.set({ of: 'b' })]));
    await inTime(Promise.all([inA.schedule(BOTH), inB.schedule(BOTH)]));
    await inTime(a.tandem.recordRun(summary('task', 'run'), { taskId: 'task' }));
    for (const [dir, of] of [
        [a.dir, 'a'],
        [b.dir, 'b'],
    ]) {
        const manifest = join(dir, '.runs', 'task', 'cli', 'run', 'manifest.json');
        assert.equal(JSON.parse(readFileSync(manifest)).of, of);
    }
    assert.equal((await inTime(a.tandem.history({ taskId: 'task' }))).total, 1);
    assert.equal((await inTime(b.tandem.history({ taskId: 'task' }))).total, 0);
    await inTime(Promise.all([inA.close(), inB.close()]));
});

test('two instances with one directory keep the runs of both', async () => {
    const { dir, tandem } = await givenTandem();
    const other = await inTime(Tandem.create({ dir }));
    const record = (from, runId) => from.recordRun(summary('task', runId), { taskId: 'task' });
    await inTime(Promise.all([record(tandem, 'a'), record(other, 'b')]));
    assert.equal((await inTime(tandem.history({ taskId: 'task' }))).total, 2);
});

test('the component gets clocks, random numbers and one directory', () => {
    const { imports } = wasiFor('/nowhere');
    assert.deepEqual(Object.keys(imports).sort(), [
        'wasi:clocks/monotonic-clock',
        'wasi:clocks/system-clock',
        'wasi:filesystem/preopens',
        'wasi:filesystem/types',
        'wasi:random/random',
    ]);
    assert.equal(imports['wasi:filesystem/preopens'].getDirectories().length, 1);
});

test('all that the component imports is there', () => {
    const interfaces = new URL('../dist/interfaces/', import.meta.url);
    const { imports } = wasiFor('/nowhere');
    for (const file of readdirSync(interfaces).filter((name) => name.startsWith('wasi-'))) {
        const text = readFileSync(new URL(file, interfaces), 'utf8');
        const [, group, name] = file.match(/^wasi-(\w+)-([\w-]+)\.d\.ts$/);
        const given = imports[`wasi:${group}/${name}`];
        for (const [, wanted] of text.matchAll(/^export function (\w+)/gm)) {
            assert.equal(typeof given[wanted], 'function', `${file}: ${wanted}`);
        }
        for (const [, wanted] of text.matchAll(/^ {2}(\w+)\(.*\): /gm)) {
            assert.equal(typeof Descriptor.prototype[wanted], 'function', `${file}: ${wanted}`);
        }
    }
});

test('no path leaves the directory', async () => {
    const dir = directory();
    const outside = directory();
    writeFileSync(join(outside, 'secret'), 'secret');
    mkdirSync(join(dir, 'inside'));
    symlinkSync(outside, join(dir, 'link'));
    symlinkSync(join(dir, 'inside'), join(dir, 'within'));
    const root = Descriptor.preopen(dir);
    const open = (path, symlinkFollow = true) =>
        root.openAt({ symlinkFollow }, path, {}, { read: true });
    const codeOf = async (promise) => (await failure(promise)).payload.tag;

    for (const path of ['..', '../x', '/etc', 'inside/../..', 'link', 'link/secret']) {
        assert.equal(await codeOf(open(path)), 'not-permitted', path);
    }
    assert.equal(await codeOf(open('link/secret', false)), 'not-permitted');
    assert.equal(await codeOf(open('a\0b')), 'invalid');
    assert.equal(await codeOf(open('')), 'invalid');
    assert.equal(await codeOf(open('link', false)), 'loop');
    assert.equal(await codeOf(root.unlinkFileAt('link/secret')), 'not-permitted');
    assert.equal(await codeOf(root.createDirectoryAt('link/new')), 'not-permitted');
    assert.equal(await codeOf(root.removeDirectoryAt('link/secret')), 'not-permitted');
    assert.equal(await codeOf(root.removeDirectoryAt('link')), 'not-directory');
    assert.equal(await codeOf(root.renameAt('link/secret', root, 'x')), 'not-permitted');
    assert.equal(await codeOf(root.statAt({ symlinkFollow: false }, 'link/secret')), 'not-permitted');
    assert.equal(readFileSync(join(outside, 'secret'), 'utf8'), 'secret');

    const within = await open('within');
    within[Symbol.dispose]();
    const link = await root.statAt({ symlinkFollow: false }, 'link');
    assert.deepEqual(link.type, { tag: 'symbolic-link' });
});

test('a run below a link that leads out of the directory is an error', async () => {
    const { dir, tandem } = await givenTandem();
    const outside = directory();
    symlinkSync(outside, join(dir, '.runs'));
    const error = await failure(tandem.openRun(RUN));
    assert.equal(error.kind, 'storage');
    assert.deepEqual(readdirSync(outside), []);
});
