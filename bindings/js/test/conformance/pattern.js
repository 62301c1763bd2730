// What a case expects of a value. A pattern is read into a function that tells the first
// difference, or undefined if there is none.

import { isDeepStrictEqual } from 'node:util';

import { BadCase, fields, parse, text, whole } from './read.js';

const SHOWN_CHARACTERS = 200;

function shown(value) {
    const json = JSON.stringify(value, (_, item) =>
        typeof item === 'bigint' ? String(item) : (item ?? null),
    );
    return json.length > SHOWN_CHARACTERS ? `${json.slice(0, SHOWN_CHARACTERS)}...` : json;
}

function simple(wanted, isMatch) {
    return (value, at) =>
        isMatch(value)
            ? undefined
            : `${at === '' ? '' : `${at}: `}expected ${wanted}, found ${shown(value ?? null)}`;
}

const isString = (value) => typeof value === 'string';

const MATCHERS = {
    $any(value) {
        if (value !== true) {
            throw new BadCase('$any is true or not there');
        }
        return simple('anything', (found) => found !== null && found !== undefined);
    },
    $text(value) {
        const wanted = text(value);
        return simple(shown(wanted), (found) => found === wanted);
    },
    $contains(value) {
        const parts = Array.isArray(value) ? value.map(text) : [text(value)];
        return simple(
            `a text with ${shown(parts)}`,
            (found) => isString(found) && parts.every((part) => found.includes(part)),
        );
    },
    $matches(value) {
        const expression = whole(value);
        return simple(`a match of ${value}`, (found) => isString(found) && expression.test(found));
    },
    $json(value) {
        return simple(`the JSON ${shown(value)}`, (found) => {
            try {
                return isString(found) && isDeepStrictEqual(parse(found), value);
            } catch {
                return false;
            }
        });
    },
};

function matcher(given) {
    const names = Object.keys(given);
    if (names.every((name) => name === '$at-least' || name === '$at-most')) {
        const { '$at-least': least = -Infinity, '$at-most': most = Infinity } = given;
        return simple(
            `a number from ${least} to ${most}`,
            (found) => typeof found === 'number' && found >= least && found <= most,
        );
    }
    if (Object.hasOwn(given, '$one-of')) {
        fields('$one-of', given, { needed: ['$one-of', 'why'] });
        const patterns = given['$one-of'].map(pattern);
        return simple('one of several', (found) =>
            patterns.some((check) => check(found, '') === undefined),
        );
    }
    const [name, ...others] = names;
    if (!Object.hasOwn(MATCHERS, name) || others.length > 0) {
        throw new BadCase(`there is no such matcher: ${shown(given)}`);
    }
    return MATCHERS[name](given[name]);
}

/**
 * @param {any} given
 * @returns {(value: any, at: string) => string | undefined}
 */
export function pattern(given) {
    if (given === null) {
        return simple('nothing', (found) => found === null || found === undefined);
    }
    if (Array.isArray(given)) {
        const patterns = given.map(pattern);
        const hasLength = simple(
            `a list of ${given.length}`,
            (found) => Array.isArray(found) && found.length === given.length,
        );
        return (value, at) =>
            hasLength(value, at) ?? first(patterns, (check, i) => check(value[i], `${at}[${i}]`));
    }
    if (typeof given === 'object') {
        const names = Object.keys(given);
        if (names.some((name) => name.startsWith('$'))) {
            return matcher(given);
        }
        const checks = names.map((name) => [name, pattern(given[name])]);
        const isRecord = simple('a record', (found) => typeof found === 'object' && found !== null);
        return (value, at) =>
            isRecord(value, at) ??
            first(checks, ([name, check]) => check(value[name], at === '' ? name : `${at}.${name}`));
    }
    return simple(shown(given), (found) => isDeepStrictEqual(found, given));
}

function first(list, difference) {
    for (const [index, item] of list.entries()) {
        const found = difference(item, index);
        if (found !== undefined) {
            return found;
        }
    }
    return undefined;
}
