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
