// What one component may be given. It counts its own documents; but if its memory ended, what every
// run has not flushed would be lost.

import { invalidInput } from './error.js';

const MIB = 1n << 20n;
const DOCUMENT_BYTES_MAX = 16n * MIB;
const TOTAL_DOCUMENT_BYTES_MAX = 256n * MIB;
const HISTORY_BYTES_MAX = 64n * MIB;
const TEXTS_BYTES_MAX = 64n * MIB;

/** What the component takes besides documents: code, stacks, thousands of runs and calls. */
const BASE_MEMORY_BYTES = 64n * MIB;
/** A document is held, copied by the flush that writes it, and replaced by one that arrives. */
const COPIES_OF_EACH = 4n;
/** While a document is checked, indented or merged. */
const COPIES_OF_ONE = 8n;
/** While a history is read, merged and written. */
const COPIES_OF_HISTORY = 4n;
/** What 32 bits can address, less one page. */
const MEMORY_BYTES_MAX = (1n << 32n) - 65_536n;

/**
 * @typedef {{maxDocumentBytes?: bigint, maxTotalDocumentBytes?: bigint, maxHistoryBytes?: bigint}} Limits
 * @param {Limits} [given]
 * @returns {Required<Limits>}
 */
export function limitsOf(given = {}) {
    const { maxDocumentBytes = DOCUMENT_BYTES_MAX, maxHistoryBytes = HISTORY_BYTES_MAX } = given;
    const maxTotalDocumentBytes =
        given.maxTotalDocumentBytes ?? larger(TOTAL_DOCUMENT_BYTES_MAX, 2n * maxDocumentBytes);
    const memoryBytes =
        maxTotalDocumentBytes * COPIES_OF_EACH +
        maxDocumentBytes * COPIES_OF_ONE +
        // Texts on their way, and as much for the summaries that are being recorded.
        2n * textsBytes(maxDocumentBytes) * COPIES_OF_EACH +
        larger(maxHistoryBytes, HISTORY_BYTES_MAX) * COPIES_OF_HISTORY +
        BASE_MEMORY_BYTES;
    if (memoryBytes > MEMORY_BYTES_MAX) {
        throw invalidInput(
            `these limits may need more memory than the ${MEMORY_BYTES_MAX} bytes that a component can have: ${memoryBytes}`,
        );
    }
    return { maxDocumentBytes, maxTotalDocumentBytes, maxHistoryBytes };
}

/** What the documents and patches of calls in flight may have together. */
export function textsBytes(maxDocumentBytes) {
    return larger(maxDocumentBytes, TEXTS_BYTES_MAX);
}

/** What the summaries of calls in flight may have together. */
export function summariesBytes(maxDocumentBytes) {
    return maxDocumentBytes;
}

function larger(one, other) {
    return one > other ? one : other;
}

/** The limit of one text. An option above the component's own limit is refused by the component. */
export function textLimit(given, limit) {
    return given !== undefined && given < limit ? given : limit;
}
