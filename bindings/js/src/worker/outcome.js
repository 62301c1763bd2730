import { plain } from '../plain.js';
import { takeUnnamed } from '../wasi/error.js';

/** The fields of an error of the component. Anything else that is thrown is a failure of it. */
export function failureOf(error) {
    // What an export answers is thrown as it is, or in an error.
    const fields = error?.payload ?? error;
    if (typeof fields?.kind !== 'string') {
        throw error;
    }
    return named(fields, takeUnnamed());
}

/** The fields, with what the system called an error that WASI has no name for. */
function named(fields, unnamed) {
    return fields.code === 'io' && unnamed ? { ...plain(fields), unnamed } : plain(fields);
}

/** What a call came to that answers a list of results. */
export function outcomesOf(make) {
    takeUnnamed();
    return outcomeOf(() => {
        const results = make();
        const unnamed = takeUnnamed();
        return results.map(({ tag, val }) => (tag === 'ok' ? { ok: val } : { error: named(val, unnamed) }));
    });
}

/** What a call came to: `{ok}` or `{error}`. */
export function outcomeOf(make) {
    try {
        return { ok: plain(make()) };
    } catch (error) {
        return { error: failureOf(error) };
    }
}
