// Plays the calls of the conformance cases through the package: reads lines of them, makes those of a
// line in one tick, and prints what each came to. tests/conformance/README.md has the lines.

import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import { Tandem, TandemError } from '../src/index.js';
import { ERROR_FIELDS } from '../src/records.js';

const runs = new Map();

const CALLS = {
    async open({ run: name, options }) {
        const run = await tandem.openRun(options);
        runs.set(name, run);
        const { documentText, ...recovery } = run.recovery;
        return { ...recovery, document: documentText };
    },
    set: ({ run, document }) => runs.get(run).set(document),
    merge: ({ run, patch }) => runs.get(run).merge(patch),
    mark: ({ run, request }) => runs.get(run).mark(request),
    schedule: ({ run, request }) => runs.get(run).schedule(request),
    flush: ({ run }) => runs.get(run).flush(),
    close: ({ run }) => runs.get(run).close(),
    stats: ({ run }) => runs.get(run).stats(),
    drop({ run }) {
        runs.get(run).drop();
        runs.delete(run);
    },
    recordRun: ({ summary, options }) => tandem.recordRun(summary, options),
    removeRuns: ({ runs, options }) => tandem.removeRuns(runs, options),
    history: ({ options }) => tandem.history({ ...options, text: true }),
    look: ({ ms }) => sleep(ms),
};

/** What a call came to; it is made before this returns. */
async function outcome({ id, do: name, ...given }) {
    try {
        return { id, ok: (await CALLS[name](given)) ?? null };
    } catch (error) {
        if (error instanceof TandemError) {
            return { id, error: Object.fromEntries(ERROR_FIELDS.map((field) => [field, error[field]])) };
        }
        return { id, broken: error?.stack ?? String(error) };
    }
}

function tell(value) {
    process.stdout.write(`${JSON.stringify(value)}\n`);
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { directory, limits } = JSON.parse((await lines.next()).value);
const tandem = await Tandem.create({ dir: directory, ...limits });
const { node, deno, bun } = process.versions;
tell({ versions: { node, deno, bun } });
for await (const line of lines) {
    for (const call of JSON.parse(line)) {
        outcome(call).then(tell);
    }
}
// What a case leaves waiting does not matter.
process.exit();
