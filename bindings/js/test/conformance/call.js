// Calls of the WIT as data, made through the package's public API.

import { TandemError } from '../../src/index.js';
import { ERROR_FIELDS } from '../../src/records.js';
import { pattern } from './pattern.js';
import { BadCase, fields, text } from './read.js';

const camel = (name) => name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
const kebab = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function renamed(value, rename) {
    if (Array.isArray(value)) {
        return value.map((item) => renamed(item, rename));
    }
    if (value === null || typeof value !== 'object') {
        return value;
    }
    const items = Object.entries(value).map(([name, item]) => [rename(name), renamed(item, rename)]);
    return Object.fromEntries(items);
}

const CALLS = {
    open: {
        needed: ['run', 'options'],
        async make({ tandem, runs }, { run, options }) {
            const opened = await tandem.openRun(renamed(options, camel));
            runs.set(run, opened);
            const { documentText, ...recovery } = opened.recovery;
            return { ...recovery, document: documentText };
        },
    },
    set: {
        needed: ['run', 'document'],
        make: ({ runs }, { run, document }) => runs.get(run).set(text(document)),
    },
    merge: {
        needed: ['run', 'patch'],
        make: ({ runs }, { run, patch }) => runs.get(run).merge(text(patch)),
    },
    mark: {
        needed: ['run', 'request'],
        make: ({ runs }, { run, request }) => runs.get(run).mark(request),
    },
    schedule: {
        needed: ['run', 'request'],
        make: ({ runs }, { run, request }) => runs.get(run).schedule(request),
    },
    flush: { needed: ['run'], make: ({ runs }, { run }) => runs.get(run).flush() },
    close: { needed: ['run'], make: ({ runs }, { run }) => runs.get(run).close() },
    stats: { needed: ['run'], make: ({ runs }, { run }) => runs.get(run).stats() },
    drop: {
        needed: ['run'],
        async make({ runs }, { run }) {
            runs.get(run).drop();
            runs.delete(run);
        },
    },
    'record-run': {
        needed: ['summary', 'options'],
        make: ({ tandem }, { summary, options }) =>
            tandem.recordRun(text(summary), renamed(options, camel)),
    },
    'remove-runs': {
        needed: ['runs', 'options'],
        make: ({ tandem }, { runs, options }) => tandem.removeRuns(runs, renamed(options, camel)),
    },
    history: {
        needed: ['options'],
        make: ({ tandem }, { options }) => tandem.history({ ...renamed(options, camel), text: true }),
    },
};

/** What a call came to: `{ok}`, `{error}`, or `{broken}` for what the WIT does not know. */
async function outcomeOf(promise) {
    try {
        return { ok: renamed(await promise, kebab) };
    } catch (error) {
        if (!(error instanceof TandemError) || error.kind === 'component-failed') {
            return { broken: error?.stack ?? String(error) };
        }
        const named = ERROR_FIELDS.map((name) => [name, error[name]]);
        return { error: renamed(Object.fromEntries(named), kebab) };
    }
}

/**
 * Reads a call into a function that makes it.
 *
 * @returns {(host: object) => Promise<object>} it never fails
 */
export function call(given, { allowed = [] } = {}) {
    if (!Object.hasOwn(CALLS, given.do)) {
        throw new BadCase(`there is no call ${given.do}`);
    }
    const { needed, make } = CALLS[given.do];
    fields(given.do, given, { needed: ['do', ...needed], allowed });
    return (host) => {
        if (needed.includes('run') && given.do !== 'open' && !host.runs.has(given.run)) {
            return Promise.resolve({ broken: `no run is open as ${given.run}` });
        }
        return outcomeOf(make(host, given));
    };
}

/**
 * Reads what is expected of a call.
 *
 * @returns {{isAgain: boolean, check: (outcome: object) => string | undefined}}
 */
export function expect(given) {
    if (given === undefined) {
        const check = (outcome) =>
            Object.hasOwn(outcome, 'ok') ? undefined : `expected success, found ${shown(outcome)}`;
        return { isAgain: false, check };
    }
    fields('expect', given, { allowed: ['ok', 'error', 'again'] });
    const names = Object.keys(given);
    if (names.length !== 1) {
        throw new BadCase('expect has one field');
    }
    const [name] = names;
    const matches = pattern(given[name]);
    const check = (outcome) =>
        Object.hasOwn(outcome, name)
            ? matches(outcome[name], '')
            : `expected ${name}, found ${shown(outcome)}`;
    return { isAgain: name === 'again', check };
}

function shown(outcome) {
    return outcome.broken ?? JSON.stringify(outcome);
}
