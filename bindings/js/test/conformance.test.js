// Plays the cases of tests/conformance in Node, each in a process of its own, so that one that
// hangs is ended from outside.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { played, wrong } from './conformance/judge.js';

const LIMIT_MS = 60_000;

const workspace = fileURLToPath(new URL('../../..', import.meta.url));
const conformance = process.env.TANDEM_CONFORMANCE ?? join(workspace, 'tests', 'conformance');

/** Plays all cases, as many at once as there are processors. */
async function playAll(names) {
    const left = [...names];
    const results = [];
    const player = async () => {
        for (let name = left.shift(); name !== undefined; name = left.shift()) {
            const file = join(conformance, 'cases', name, 'case.json');
            results.push({ case: name, ...(await played(file, LIMIT_MS)) });
        }
    };
    await Promise.all(Array.from({ length: availableParallelism() }, player));
    return results.sort((a, b) => (a.case < b.case ? -1 : 1));
}

function write(results) {
    const directory = join(workspace, 'target', 'conformance');
    mkdirSync(directory, { recursive: true });
    const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url)));
    const versions = {
        node: process.versions.node,
        'jco-transpile': manifest.devDependencies['@bytecodealliance/jco-transpile'],
    };
    const report = { host: 'node', versions, results };
    writeFileSync(join(directory, 'node.json'), `${JSON.stringify(report, null, 2)}\n`);
}

test('each behaviour is that of the other hosts, but for listed exceptions', async () => {
    const names = readdirSync(join(conformance, 'cases')).sort();
    const listed = JSON.parse(readFileSync(join(conformance, 'expected', 'node.json'), 'utf8'));
    const results = await playAll(names);
    write(results);

    assert.equal(wrong(results, listed, names).join('\n'), '');
});
