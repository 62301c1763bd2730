// Plays the cases of tests/conformance in Node, each in a process of its own, so that one that
// hangs is ended from outside.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { runNode } from './process.js';

const LIMIT_MS = 60_000;

const workspace = fileURLToPath(new URL('../../..', import.meta.url));
const conformance = process.env.TANDEM_CONFORMANCE ?? join(workspace, 'tests', 'conformance');
const play = fileURLToPath(new URL('conformance/play.js', import.meta.url));

async function played(name) {
    const file = join(conformance, 'cases', name, 'case.json');
    const { isTimedOut, code, stdout, stderr } = await runNode([play, file], LIMIT_MS);
    if (isTimedOut) {
        return { case: name, outcome: 'hang', detail: `not over after ${LIMIT_MS / 1000} seconds` };
    }
    const last = stdout.trimEnd().split('\n').at(-1);
    return code === 0
        ? { case: name, ...JSON.parse(last) }
        : { case: name, outcome: 'fail', detail: stderr };
}

/** Plays all cases, as many at once as there are processors. */
async function playAll(names) {
    const left = [...names];
    const results = [];
    const player = async () => {
        for (let name = left.shift(); name !== undefined; name = left.shift()) {
            results.push(await played(name));
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

    const isListed = (name) => listed.some((known) => known.case === name);
    // Without a text to look for, any failure would do.
    const isKnown = ({ outcome, detail, ...result }) => {
        const known = listed.find((known) => known.case === result.case);
        return outcome === 'fail' && known?.detail && detail.includes(known.detail);
    };
    const wrong = [
        ...results
            .filter((result) => result.outcome !== 'pass' && !isKnown(result))
            .map(({ outcome, detail, ...result }) => `${result.case}: ${outcome}: ${detail}`),
        ...results
            .filter(({ outcome, ...result }) => outcome === 'pass' && isListed(result.case))
            .map((result) => `${result.case}: passes, although it is listed as a failure`),
        ...listed
            .filter((known) => !names.includes(known.case))
            .map((known) => `${known.case}: is listed as a failure, but there is no such case`),
    ];
    assert.equal(wrong.join('\n'), '');
});
