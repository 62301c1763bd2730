// Plays one case, which the first argument names, in a process of its own. The last line of the
// output is the outcome: {"outcome", "detail"}. A case that the format does not allow is an error.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Tandem } from '../../src/index.js';
import { action, entries } from './files.js';
import { BadCase, fields, parse } from './read.js';
import { step } from './step.js';

/** The limits of the component, by the names of the package. */
function limits(given = {}) {
    const names = {
        'max-document-bytes': 'maxDocumentBytes',
        'max-total-document-bytes': 'maxTotalDocumentBytes',
        'max-history-bytes': 'maxHistoryBytes',
    };
    fields('limits', given, { allowed: Object.keys(names) });
    return Object.fromEntries(
        Object.entries(given).map(([name, bytes]) => [names[name], bytes]),
    );
}

function read(file) {
    const given = fields('a case', parse(readFileSync(file, 'utf8')), {
        needed: ['about', 'rule', 'area', 'steps', 'after'],
        allowed: ['limits', 'before'],
    });
    return {
        limits: limits(given.limits),
        before: (given.before ?? []).map(action),
        steps: given.steps.map(step),
        after: entries(given.after, { isAll: true }),
    };
}

async function play({ limits, before, steps, after }, sandbox) {
    const granted = join(sandbox, 'granted');
    mkdirSync(granted);
    for (const act of before) {
        act(granted);
    }
    const tandem = await Tandem.create({ dir: granted, ...limits });
    const host = { tandem, sandbox, granted, runs: new Map(), started: new Map() };
    for (const [index, take] of steps.entries()) {
        const difference = await take(host);
        if (difference !== undefined) {
            return `step ${index + 1}: ${difference}`;
        }
    }
    const difference = after(sandbox, granted);
    return difference === undefined ? null : `after: ${difference}`;
}

function readNamed(file) {
    try {
        return read(file);
    } catch (error) {
        throw new BadCase(`${file}: ${error.message}`, { cause: error });
    }
}

const played = readNamed(process.argv[2]);
const sandbox = mkdtempSync(join(tmpdir(), 'tandem-case-'));
let detail;
try {
    detail = await play(played, sandbox);
} catch (error) {
    detail = error.stack;
} finally {
    rmSync(sandbox, { recursive: true, force: true });
}
console.log(JSON.stringify({ outcome: detail === null ? 'pass' : 'fail', detail }));
// What a case leaves waiting does not matter.
process.exit();
