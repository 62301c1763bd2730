/**
 * What the component answers, with numbers for its integers: it counts bytes, files, calls and
 * milliseconds, none of which comes near 2^53.
 *
 * @param {any} value
 * @returns {any}
 */
export function plain(value) {
    if (typeof value === 'bigint') {
        return Number(value);
    }
    if (Array.isArray(value)) {
        return value.map(plain);
    }
    if (value !== null && typeof value === 'object') {
        return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
    }
    return value;
}
