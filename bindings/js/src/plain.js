/**
 * What the component answers, with numbers for the integers that a number holds exactly.
 *
 * @param {any} value
 * @returns {any}
 */
export function plain(value) {
    if (typeof value === 'bigint') {
        return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
    }
    if (Array.isArray(value)) {
        return value.map(plain);
    }
    if (value !== null && typeof value === 'object' && isRecord(value)) {
        return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
    }
    return value;
}

// A handle of a resource is an instance of a class, and stays what it is.
function isRecord(value) {
    const prototype = Object.getPrototypeOf(value);
    return prototype === Object.prototype || prototype === null;
}
