import { asWritten } from './names.js';
import { ERROR_FIELDS } from './records.js';

/** An error of Tandem, with every field that the component tells. */
export class TandemError extends Error {
    /**
     * @param {object} fields what index.d.ts tells of them
     * @param {{cause?: unknown}} [options]
     */
    constructor(fields, options) {
        super(fields.message, options);
        this.name = 'TandemError';
        for (const name of ERROR_FIELDS) {
            // That of the class is not enumerable.
            if (name !== 'message') {
                this[name] = fields[name];
            }
        }
        this.retryable ??= false;
    }
}

/** An argument breaks a rule. */
export function invalidInput(message, options) {
    return new TandemError({ kind: 'invalid-input', message }, options);
}

/** Those whose messages are about options. */
const ABOUT_OPTIONS = ['invalid-input', 'too-large'];

/** What the component, in its thread, failed a call with. */
export function errorOf(told) {
    if (told instanceof TandemError) {
        return told;
    }
    const { unnamed, ...fields } = told;
    const isAboutOptions = ABOUT_OPTIONS.includes(fields.kind);
    const message = isAboutOptions ? asWritten(fields.message) : fields.message;
    const cause = unnamed && new Error(unnamed);
    return new TandemError({ ...fields, message: cause ? `${message} (${unnamed})` : message }, cause && { cause });
}

/** What a call is told whose thread could not be started: later that may work. */
export function notStarted(why) {
    const message = 'cannot start a thread';
    return { kind: 'storage', retryable: true, message, unnamed: why?.message ?? String(why) };
}

/** The component failed. */
export function componentFailed(why) {
    const message = `the component failed: ${why?.message ?? String(why)}`;
    return new TandemError({ kind: 'component-failed', message }, { cause: why });
}
