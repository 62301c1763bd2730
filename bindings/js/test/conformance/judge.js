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
 * @param {{case: string, detail: string}[]} listed the cases that are known to fail, and a part of
 * what each of them fails with
 * @param {string[]} names all cases
 */
export function wrong(results, listed, names) {
    const isListed = (name) => listed.some((known) => known.case === name);
    // Without a text to look for, any failure would do.
    const isKnown = ({ outcome, detail, ...result }) => {
        const known = listed.find((known) => known.case === result.case);
        return outcome === 'fail' && known?.detail && detail.includes(known.detail);
    };
    return [
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
}
