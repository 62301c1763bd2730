// Reads cases strictly: what the format does not have is refused.

export class BadCase extends Error {}

/** Checks that an object has the fields that are needed, and no others. */
export function fields(what, value, { needed = [], allowed = [] }) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        throw new BadCase(`${what} is no object`);
    }
    for (const name of needed) {
        if (!Object.hasOwn(value, name)) {
            throw new BadCase(`${what} lacks ${name}`);
        }
    }
    for (const name of Object.keys(value)) {
        if (!needed.includes(name) && !allowed.includes(name)) {
            throw new BadCase(`${what} has the unknown field ${name}`);
        }
    }
    return value;
}

/** JSON whose integers keep their value, where the engine tells their text: not in Node 20. */
export function parse(text) {
    return JSON.parse(text, (_, value, { source } = {}) =>
        typeof value === 'number' && /^-?\d+$/.test(source) && !Number.isSafeInteger(value)
            ? BigInt(source)
            : value,
    );
}

/** A text, built. */
export function text(value) {
    if (typeof value === 'string') {
        return value;
    }
    if (Object.hasOwn(value ?? {}, 'repeat')) {
        fields('a text', value, { needed: ['repeat', 'times'] });
        return text(value.repeat).repeat(value.times);
    }
    fields('a text', value, { needed: ['concat'] });
    return value.concat.map(text).join('');
}

/** The content of a file, built. */
export function bytes(value) {
    if (!Object.hasOwn(value, 'hex')) {
        return Buffer.from(text(value));
    }
    fields('bytes', value, { needed: ['hex'] });
    const read = Buffer.from(value.hex, 'hex');
    if (read.length * 2 !== value.hex.length) {
        throw new BadCase(`these are no bytes: ${value.hex}`);
    }
    return read;
}

/** A regular expression that is to match as a whole. */
export function whole(expression) {
    if (/\\[dwsb]/.test(expression)) {
        throw new BadCase(`not every engine means the same by the classes of ${expression}`);
    }
    return new RegExp(`^(?:${expression})$`, 's');
}
