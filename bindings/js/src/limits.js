// What one component may be given, so that its memory never ends: that would lose what every run
// has not flushed. The Rust library reckons the same.

import { invalidInput } from './error.js';

const MIB = 1n << 20n;
const DOCUMENT_BYTES_MAX = 16n * MIB;
const TOTAL_DOCUMENT_BYTES_MAX = 256n * MIB;
const HISTORY_BYTES_MAX = 64n * MIB;

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
 * @param {{maxDocumentBytes?: bigint, maxTotalDocumentBytes?: bigint, maxHistoryBytes?: bigint}} [given]
 * @returns {{maxDocumentBytes: bigint, maxTotalDocumentBytes: bigint, maxHistoryBytes: bigint}}
 */
export function limitsOf(given = {}) {
    const { maxDocumentBytes = DOCUMENT_BYTES_MAX, maxHistoryBytes = HISTORY_BYTES_MAX } = given;
    const maxTotalDocumentBytes =
        given.maxTotalDocumentBytes ?? larger(TOTAL_DOCUMENT_BYTES_MAX, 2n * maxDocumentBytes);
    if (maxDocumentBytes === 0n || maxHistoryBytes === 0n) {
        throw invalidInput('a limit of 0 lets nothing through');
    }
    if (maxTotalDocumentBytes < maxDocumentBytes) {
        throw invalidInput(
            `maxTotalDocumentBytes is below maxDocumentBytes: ${maxTotalDocumentBytes}, ${maxDocumentBytes}`,
        );
    }
    const memoryBytes =
        maxTotalDocumentBytes * COPIES_OF_EACH +
        maxDocumentBytes * COPIES_OF_ONE +
        // A summary on its way.
        maxDocumentBytes * COPIES_OF_EACH +
        larger(maxHistoryBytes, HISTORY_BYTES_MAX) * COPIES_OF_HISTORY +
        BASE_MEMORY_BYTES;
    if (memoryBytes > MEMORY_BYTES_MAX) {
        throw invalidInput(
            `these limits may need more memory than the ${MEMORY_BYTES_MAX} bytes that a component can have: ${memoryBytes}`,
        );
    }
    return { maxDocumentBytes, maxTotalDocumentBytes, maxHistoryBytes };
}

function larger(one, other) {
    return one > other ? one : other;
}

/** A limit of one call: by default the component's, and never above it. */
export function bounded(name, bytes, limit) {
    if (bytes > limit) {
        throw invalidInput(`${name} is above the limit that create was given, ${limit}: ${bytes}`);
    }
    return bytes ?? limit;
}
