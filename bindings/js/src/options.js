// Checks what callers give before it reaches the generated code, which answers bad types with bare
// TypeErrors.

import { inspect } from 'node:util';

import { TandemError, invalidInput } from './error.js';

export { HISTORY_OPTIONS, LIMITS, RECORD_OPTIONS, REMOVE_OPTIONS, REQUEST, RUN_OPTIONS } from './records.js';

const MAX_U32 = 2n ** 32n - 1n;
const MAX_U64 = 2n ** 64n - 1n;

/** A value as a message shows it: on one line, and not too long. No code of its own is run. */
function shown(value) {
    let text;
    try {
        const short = { depth: 0, breakLength: Infinity, maxStringLength: 60 };
        text = inspect(value, { ...short, customInspect: false });
    } catch {
        text = `a value of the type ${typeof value}`;
    }
    return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}

/** Runs code of the caller, such as getters, whose errors are of no kind of ours. */
function attempt(what, read) {
    try {
        return read();
    } catch (error) {
        if (error instanceof TandemError) {
            throw error;
        }
        const why = error instanceof Error ? error.message : shown(error);
        // That of a circular document has several lines.
        const [line] = String(why).split('\n');
        throw invalidInput(`${what}: ${line}`, { cause: error });
    }
}

/** Text that UTF-8 can hold. */
export function string(name, value) {
    if (typeof value !== 'string') {
        throw invalidInput(`${name} is not a string: ${shown(value)}`);
    }
    if (!value.isWellFormed()) {
        throw invalidInput(`${name} has a lone surrogate: ${shown(value)}`);
    }
    return value;
}

function integer(max) {
    return (name, value) => {
        const isInteger =
            typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value));
        if (!isInteger || value < 0 || value > max) {
            throw invalidInput(`${name} is not an integer from 0 to ${max}: ${shown(value)}`);
        }
        return max === MAX_U64 ? BigInt(value) : Number(value);
    };
}

function boolean(name, value) {
    if (typeof value !== 'boolean') {
        throw invalidInput(`${name} is not a boolean: ${shown(value)}`);
    }
    return value;
}

/** A directory below the granted one. The component checks the rest. */
function root(name, value) {
    if (string(name, value).startsWith('/')) {
        throw invalidInput(`${name} must be relative to the directory of the Tandem: ${shown(value)}`);
    }
    return value;
}

/** The checks that the tables of records.js name. */
const CHECKS = { boolean, string, u32: integer(MAX_U32), u64: integer(MAX_U64) };
/** Those of options that are known by their names. */
const CHECKS_BY_NAME = { runsRoot: root, historyRoot: root };

/** @param {string | string[] | Function} check its name, what the value may be, or the check itself */
function checked(check, name, value) {
    if (typeof check === 'function') {
        return check(name, value);
    }
    if (!Array.isArray(check)) {
        return CHECKS[check](name, value);
    }
    if (!check.includes(value)) {
        const choices = check.map((choice) => `'${choice}'`).join(', ');
        throw invalidInput(`${name} is none of ${choices}: ${shown(value)}`);
    }
    return value;
}

/**
 * Checks an object of options.
 *
 * @param {string} what what the options are, for messages
 * @param {{required: object, optional: object, flags?: object}} shape a check for each option
 * @param {unknown} given what the caller gave
 * @returns {object} the options for the component; those that are `undefined` are left out, and
 * flags are false
 */
export function options(what, shape, given) {
    return attempt(`${what} cannot be read`, () => checkedOptions(what, shape, given));
}

function checkedOptions(what, { required, optional, flags = {} }, given) {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
        throw invalidInput(`${what} must be an object: ${shown(given)}`);
    }
    const known = { ...required, ...optional, ...flags };
    for (const name of Object.keys(given)) {
        if (!Object.hasOwn(known, name)) {
            const names = Object.keys(known).join(', ');
            throw invalidInput(`${what} cannot have ${shown(name)} in it, only: ${names}`);
        }
    }
    const record = {};
    for (const [name, check] of Object.entries(required)) {
        record[name] = checked(check, name, given[name]);
    }
    for (const [name, check] of Object.entries(optional)) {
        const value = given[name];
        if (value !== undefined) {
            record[name] = checked(CHECKS_BY_NAME[name] ?? check, name, value);
        }
    }
    for (const [name, check] of Object.entries(flags)) {
        const value = given[name];
        record[name] = value === undefined ? false : checked(check, name, value);
    }
    return record;
}

/** How a document is told that was written. */
export const READ_OPTIONS = { required: {}, optional: {}, flags: { text: 'boolean' } };

/** What takes JSON: its name, and what its limit is told by. */
export const DOCUMENT = { name: 'document', channel: 'manifest', limit: 'maxDocumentBytes' };
export const PATCH = { ...DOCUMENT, name: 'patch' };
export const SUMMARY = { name: 'summary', channel: 'summary', limit: 'maxSummaryBytes' };

/**
 * The JSON text of a document: a string as it is, an object by `JSON.stringify`.
 *
 * @param {typeof DOCUMENT} what
 * @param {unknown} value
 * @param {bigint} maxBytes
 * @returns {{text: string, bytes: number}}
 */
export function json({ name, channel, limit }, value, maxBytes) {
    const the = `the ${name}`;
    const text = typeof value === 'string' ? string(the, value) : stringified(the, value);
    // The component would say the same, but only with the text in its memory, which never shrinks.
    const bytes = Buffer.byteLength(text);
    if (bytes > maxBytes) {
        const message = `${name} takes ${bytes} bytes, above ${limit}: ${maxBytes}`;
        throw new TandemError({ kind: 'too-large', channel, message });
    }
    return { text, bytes };
}

function stringified(name, value) {
    if (typeof value !== 'object' || value === null) {
        throw invalidInput(`${name} is neither an object nor JSON text: ${shown(value)}`);
    }
    const text = attempt(`${name} cannot be made JSON`, () => JSON.stringify(value, onlyJson));
    if (text === undefined) {
        throw invalidInput(`${name} has no JSON: ${shown(value)}`);
    }
    return text;
}

/** Refuses what `JSON.stringify` would silently make something else. */
function onlyJson(_, value) {
    if ((typeof value === 'number' || value instanceof Number) && !Number.isFinite(Number(value))) {
        throw new TypeError(`JSON has no such number: ${value}`);
    }
    if (value instanceof Map || value instanceof Set) {
        throw new TypeError(`JSON has no ${value instanceof Map ? 'Map' : 'Set'}`);
    }
    return value;
}
