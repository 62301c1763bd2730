// What the components of one Tandem may be given. Each counts its own documents; but if its memory
// ended, what its runs have not flushed would be lost.

import { invalidInput } from './error.js';

const MIB = 1n << 20n;
const DOCUMENT_BYTES_MAX = 16n * MIB;
const TOTAL_DOCUMENT_BYTES_MAX = 256n * MIB;
const HISTORY_BYTES_MAX = 64n * MIB;
const SUMMARIES_BYTES_MAX = 64n * MIB;

/** What a component takes besides documents: code, stacks, thousands of runs and calls. */
const BASE_MEMORY_BYTES = 64n * MIB;
/** A document is held, copied by the flush that writes it, and replaced by one that arrives. */
const COPIES_OF_EACH = 4n;
/** While a document is checked, indented or merged. */
const COPIES_OF_ONE = 8n;
/** While a history is read, merged and written. */
const COPIES_OF_HISTORY = 4n;
/** What 32 bits can address, less one page. */
const MEMORY_BYTES_MAX = (1n << 32n) - 65_536n;

/** More threads than this write no faster: what they wait for is one disk. */
const THREADS_MAX = 4n;
/** A thread has at least this part of the documents of all runs. */
const PART_BYTES_MIN = 64n * MIB;

/**
 * @typedef {{maxDocumentBytes?: bigint, maxTotalDocumentBytes?: bigint, maxHistoryBytes?: bigint}} Limits
 * @param {Limits} [given]
 * @returns {{limits: Required<Limits>, threads: number}} those of each component, and how many there
 * may be for runs: together they have what was given
 */
export function limitsOf(given = {}) {
    const { maxDocumentBytes = DOCUMENT_BYTES_MAX, maxHistoryBytes = HISTORY_BYTES_MAX } = given;
    const total = given.maxTotalDocumentBytes ?? larger(TOTAL_DOCUMENT_BYTES_MAX, 2n * maxDocumentBytes);
    const partMin = larger(PART_BYTES_MIN, 2n * maxDocumentBytes);
    const threads = larger(1n, smaller(THREADS_MAX, total / partMin));
    const part = total / threads;
    const memoryBytes =
        BASE_MEMORY_BYTES +
        maxDocumentBytes * COPIES_OF_ONE +
        larger(
            part * COPIES_OF_EACH,
            // That of records has no documents.
            larger(maxDocumentBytes, SUMMARIES_BYTES_MAX) * COPIES_OF_EACH +
                larger(maxHistoryBytes, HISTORY_BYTES_MAX) * COPIES_OF_HISTORY,
        );
    if (memoryBytes > MEMORY_BYTES_MAX) {
        throw invalidInput(
            `these limits may need more memory than the ${MEMORY_BYTES_MAX} bytes that a component can have: ${memoryBytes}`,
        );
    }
    return {
        limits: { maxDocumentBytes, maxTotalDocumentBytes: part, maxHistoryBytes },
        threads: Number(threads),
    };
}

function larger(one, other) {
    return one > other ? one : other;
}

function smaller(one, other) {
    return one < other ? one : other;
}

/** The limit of one text. An option above the component's own limit is refused by the component. */
export function textLimit(given, limit) {
    return given !== undefined && given < limit ? given : limit;
}
