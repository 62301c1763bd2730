// How many bytes of documents the component holds, as far as can be told from outside.

import { TandemError } from './error.js';

/** What one run holds. */
class Account {
    /** The current document. */
    document = 0;
    /** What the document may have once everything on its way has arrived. */
    projected = 0;
    /** Documents and patches on their way. */
    pending = 0;
    /** Replacements of the document so far. */
    generation = 0;
    /** Bytes of patches that were applied so far. */
    patched = 0;
    /** When the newest receipt was asked for. */
    saved = { generation: 0, patched: 0 };

    get held() {
        return Math.max(this.document, this.projected);
    }
}

/** The documents of all open runs of a component. */
export class Documents {
    #maxTotalBytes;
    #accounts = new Set();
    // A run that is garbage is dropped by the generated code.
    #garbage = new FinalizationRegistry((account) => this.#accounts.delete(account));

    constructor(maxTotalBytes) {
        this.#maxTotalBytes = maxTotalBytes;
    }

    /**
     * Takes note of an open run.
     *
     * @param {object} run
     * @param {string | undefined} document what was found on the disk
     * @param {bigint} maxBytes the run's own limit
     */
    open(run, document, maxBytes) {
        const account = new Account();
        account.document = account.projected = Buffer.byteLength(document ?? '');
        this.#check(0, account.held);
        this.#accounts.add(account);
        this.#garbage.register(run, account);
        return new RunDocument(account, Number(maxBytes), {
            check: (before, after) => this.#check(before, after),
            forget: () => this.#accounts.delete(account),
        });
    }

    #check(before, after) {
        if (after <= before) {
            return;
        }
        let bytes = after - before;
        for (const { held } of this.#accounts) {
            bytes += held;
        }
        if (bytes > this.#maxTotalBytes) {
            const message = `the documents of all open runs take ${bytes} bytes, above maxTotalDocumentBytes: ${this.#maxTotalBytes}`;
            throw new TandemError({ kind: 'too-large', channel: 'manifest', message });
        }
    }
}

/** The document of one run. */
class RunDocument {
    #account;
    #maxBytes;
    #all;

    constructor(account, maxBytes, all) {
        this.#account = account;
        this.#maxBytes = maxBytes;
        this.#all = all;
    }

    /**
     * Replaces the document, if there is room for the new one.
     *
     * @param {string} text
     * @param {() => Promise<void>} call
     */
    async set(text, call) {
        const bytes = this.#bytes(text);
        await this.#change(bytes, call, () => {
            this.#account.document = bytes;
            this.#account.generation += 1;
        });
    }

    /** Changes the document, if there is room for it and the patch. It has at most both sizes. */
    async merge(text, call) {
        const bytes = this.#bytes(text);
        const merged = (document) => Math.min(document + bytes, this.#maxBytes);
        await this.#change(merged(this.#account.projected), call, () => {
            this.#account.document = merged(this.#account.document);
            this.#account.patched += bytes;
        });
    }

    /** Makes a call whose receipt tells the size of the document. */
    async write(call) {
        const account = this.#account;
        const { generation, patched } = account;
        const receipt = await call();
        const isOld =
            account.saved.generation > generation ||
            (account.saved.generation === generation && account.saved.patched > patched);
        if (receipt.manifest && !isOld) {
            account.saved = { generation, patched };
            if (generation === account.generation) {
                // Patches that came since have added no more than themselves.
                account.document = Number(receipt.manifest.bytes) + account.patched - patched;
                this.#settle();
            }
        }
        return receipt;
    }

    forget() {
        this.#all.forget();
    }

    /** What is above the run's limit is refused by the component. */
    #bytes(text) {
        return Math.min(indentedBytes(text), this.#maxBytes);
    }

    async #change(projected, call, arrived) {
        const account = this.#account;
        this.#all.check(account.held, Math.max(account.document, projected));
        account.projected = projected;
        account.pending += 1;
        try {
            await call();
            arrived();
        } finally {
            account.pending -= 1;
            this.#settle();
        }
    }

    #settle() {
        if (this.#account.pending === 0) {
            this.#account.projected = this.#account.document;
        }
    }
}

const [TAB, NEWLINE, RETURN, SPACE, QUOTE, COMMA, COLON, BACKSLASH] = Buffer.from('\t\n\r ",:\\');
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = Buffer.from('[]{}');

/**
 * The size that the component's indentation gives to a text, without a check that it is JSON: two
 * spaces a level, one line for each member, one newline at the end.
 *
 * @param {string} text
 */
export function indentedBytes(text) {
    let bytes = 1;
    let depth = 0;
    let isAfterOpen = false;
    let isInString = false;
    let isEscaped = false;
    for (const byte of Buffer.from(text)) {
        if (isInString) {
            bytes += 1;
            isInString = isEscaped || byte !== QUOTE;
            isEscaped = !isEscaped && byte === BACKSLASH;
            continue;
        }
        const newLine = 1 + 2 * depth;
        switch (byte) {
            case TAB:
            case NEWLINE:
            case RETURN:
            case SPACE:
                continue;
            case OPEN_LIST:
            case OPEN_OBJECT:
                depth += 1;
                bytes += 1 + newLine + 2;
                isAfterOpen = true;
                continue;
            case CLOSE_LIST:
            case CLOSE_OBJECT:
                // An empty object or list stays on its line.
                bytes += isAfterOpen ? 1 - newLine : 1 + Math.max(newLine - 2, 0);
                depth = Math.max(depth - 1, 0);
                break;
            case COMMA:
                bytes += 1 + newLine;
                break;
            case COLON:
                bytes += 2;
                break;
            default:
                isInString = byte === QUOTE;
                bytes += 1;
        }
        isAfterOpen = false;
    }
    return bytes;
}
