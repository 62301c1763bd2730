import { outcomeOf } from './outcome.js';

/** What a result of a list came to. */
function resultOf({ tag, val }) {
    return tag === 'ok' ? { ok: val } : { error: val };
}

/** The calls that are about no open run. */
export class Histories {
    #histories;

    constructor(histories) {
        this.#histories = histories;
    }

    get calls() {
        return {
            records: ({ texts, options }) =>
                outcomeOf(() => this.#histories.recordRuns(texts, options).map(resultOf)),
            remove: ({ runs, options }) => outcomeOf(() => this.#histories.removeRuns(runs, options)),
            history: ({ options }) => outcomeOf(() => this.#histories.history(options)),
        };
    }
}
