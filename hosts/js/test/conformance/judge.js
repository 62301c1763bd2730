// Plays cases, and tells which outcomes nobody expects.

import { fileURLToPath } from 'node:url';

import { runNode } from '../process.js';

const play = fileURLToPath(new URL('play.js', import.meta.url));

/**
 * Plays the case in a file, in a process of its own.
 *
 * @returns {Promise<{outcome: 'pass' | 'fail' | 'hang', detail: string | null}>}
 */
export async function played(file, limitMs) {
    const { isTimedOut, code, stdout, stderr } = await runNode([play, file], limitMs);
    if (isTimedOut) {
        return { outcome: 'hang', detail: `not over after ${limitMs / 1000} seconds` };
    }
    const last = stdout.trimEnd().split('\n').at(-1);
    return code === 0 ? JSON.parse(last) : { outcome: 'fail', detail: stderr };
}

/**
 * What is not as expected.
 *
 * @param {{case: string, outcome: string, detail: string | null}[]} results
 * @param {{case: string}[]} listed the cases that are known to fail
 * @param {string[]} names all cases
 */
export function wrong(results, listed, names) {
    const isListed = (name) => listed.some((known) => known.case === name);
    return [
        ...results
            .filter(({ outcome, ...result }) => outcome !== 'pass' && !isListed(result.case))
            .map(({ outcome, detail, ...result }) => `${result.case}: ${outcome}: ${detail}`),
        ...results
            .filter(({ outcome, ...result }) => outcome === 'pass' && isListed(result.case))
            .map((result) => `${result.case}: passes, although it is listed as a failure`),
        ...listed
            .filter((known) => !names.includes(known.case))
            .map((known) => `${known.case}: is listed as a failure, but there is no such case`),
    ];
}
