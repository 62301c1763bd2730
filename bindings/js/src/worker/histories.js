import { outcomeOf, outcomesOf } from './outcome.js';

/** The calls that are about no open run. */
export class Histories {
    #histories;

    constructor(histories) {
        this.#histories = histories;
    }

    get calls() {
        return {
            records: ({ texts, options }) =>
                outcomesOf(() => this.#histories.recordRuns(texts, options)),
            remove: ({ runs, options }) => outcomeOf(() => this.#histories.removeRuns(runs, options)),
            history: ({ options }) => outcomeOf(() => this.#histories.history(options)),
        };
    }
}
