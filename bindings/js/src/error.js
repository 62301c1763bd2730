/** An error of Tandem, with every field that the component tells. */
export class TandemError extends Error {
    /**
     * @param {object} fields what index.d.ts tells of them
     * @param {{cause?: unknown}} [options]
     */
    constructor(fields, options) {
        super(fields.message, options);
        this.name = 'TandemError';
        this.kind = fields.kind;
        this.channel = fields.channel;
        this.operation = fields.operation;
        this.path = fields.path;
        this.code = fields.code;
        this.retryable = fields.retryable ?? false;
        this.beside = fields.beside;
    }
}

/** An argument breaks a rule. */
export function invalidInput(message, options) {
    return new TandemError({ kind: 'invalid-input', message }, options);
}
