// What the component can reach.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Tandem } from '../src/index.js';
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
    const { imports } = wasiFor(directory());
    assert.deepEqual(Object.keys(imports).sort(), [
        'wasi:clocks/monotonic-clock',
        'wasi:clocks/wall-clock',
        'wasi:filesystem/preopens',
        'wasi:filesystem/types',
        'wasi:io/error',
        'wasi:io/poll',
        'wasi:io/streams',
        'wasi:random/random',
    ]);
    assert.equal(imports['wasi:filesystem/preopens'].getDirectories().length, 1);
});

test('all that the component imports is there', () => {
    const interfaces = new URL('../dist/interfaces/', import.meta.url);
    const { imports } = wasiFor(directory());
    for (const file of readdirSync(interfaces).filter((name) => name.startsWith('wasi-'))) {
        const text = readFileSync(new URL(file, interfaces), 'utf8');
        const [, group, name] = file.match(/^wasi-(\w+)-([\w-]+)\.d\.ts$/);
        const given = imports[`wasi:${group}/${name}`];
        for (const [, wanted] of text.matchAll(/^export function (\w+)/gm)) {
            assert.equal(typeof given[wanted], 'function', `${file}: ${wanted}`);
        }
        for (const [, resource, body] of text.matchAll(/^export class (\w+) \{\n([^]*?)^\}/gm)) {
            for (const [, wanted] of body.matchAll(/^ {2}(\w+)\(.*\): /gm)) {
                assert.equal(typeof given[resource].prototype[wanted], 'function', `${file}: ${wanted}`);
            }
        }
    }
});

test('a run below a link that leads out of the directory is an error', async () => {
    const { dir, tandem } = await givenTandem();
    const outside = directory();
    symlinkSync(outside, join(dir, '.runs'));
    const error = await failure(tandem.openRun(RUN));
    assert.equal(error.kind, 'storage');
    assert.deepEqual(readdirSync(outside), []);
});
