// The open runs of an instance.

import { CHANNELS } from '../channels.js';
import { isDurable } from '../durable.js';
import { plain } from '../plain.js';
import { WasiError } from '../wasi/error.js';
import { failureOf, outcomeOf } from './outcome.js';

const NOTHING = { manifest: false, heartbeat: false, force: false };
/** What refuses a request, and tells of no flush. */
const REFUSALS = ['invalid-input', 'closed'];
/** What a call of a run is told whose open failed. */
const NOT_OPEN = { kind: 'closed', message: 'the run is not open' };

const dispose = Symbol.dispose ?? Symbol.for('dispose');

export class Runs {
    #Run;
    #readText;
    #syncs;
    #texts;
    #maxDocumentBytes;
    #runs = new Map();

    constructor(Run, { readText, syncs, texts, maxDocumentBytes }) {
        this.#Run = Run;
        this.#readText = readText;
        this.#syncs = syncs;
        this.#texts = texts;
        this.#maxDocumentBytes = maxDocumentBytes;
    }

    get calls() {
        return {
            open: (call) => this.#open(call),
            run: (call, note) => {
                const run = this.#runs.get(call.run);
                if (!run) {
                    return { results: call.steps.map(() => ({ error: NOT_OPEN })), refused: NOT_OPEN };
                }
                this.#syncs.areOfAll = run.isDurable;
                return run.call(call, note);
            },
            drop: ({ run }) => {
                this.#runs.get(run)?.drop();
                this.#runs.delete(run);
            },
        };
    }

    #open({ run, options }) {
        return outcomeOf(() => {
            const [handle, recovery] = this.#Run.open(options);
            const manifest = `${recovery.directory}/${options.manifestName ?? 'manifest.json'}`;
            this.#runs.set(run, new OpenRun(handle, {
                isDurable: isDurable(options),
                texts: this.#texts,
                read: () => this.#textOf(manifest, options.maxDocumentBytes ?? this.#maxDocumentBytes),
            }));
            return recovery;
        });
    }

    #textOf(path, maxBytes) {
        try {
            return this.#readText(path, maxBytes);
        } catch (error) {
            if (!(error instanceof WasiError)) {
                throw error;
            }
            const { payload: code } = error;
            if (code === 'file-too-large') {
                const large = `manifest on the disk is above max_document_bytes: ${path}: ${maxBytes}`;
                throw Object.assign(error, { payload: { kind: 'too-large', channel: 'manifest', path, message: large } });
            }
            const message = `cannot read ${path}: ${code}`;
            const payload = { kind: 'storage', channel: 'manifest', operation: 'read', path, code, message };
            throw Object.assign(error, { payload });
        }
    }
}

class OpenRun {
    #handle;
    #texts;
    #read;
    // How often each channel was written, or failed, as far as outcomes told.
    #attempts = { manifest: 0, heartbeat: 0 };
    // What was asked for, and neither written nor given up.
    #isAsked = { manifest: false, heartbeat: false };

    constructor(handle, { isDurable, texts, read }) {
        this.#handle = handle;
        /** Whether both files are synced. */
        this.isDurable = isDurable;
        this.#texts = texts;
        this.#read = read;
    }

    drop() {
        this.#handle[dispose]();
    }

    /**
     * Makes the calls of one run that waited: changes and marks in their order, then one flush for
     * all that asked for one.
     */
    call({ steps, last }, note) {
        const results = steps.map(({ name, value }) => outcomeOf(() => this.#step(name, value)));
        if (!last) {
            return { results };
        }
        if (steps.some(({ isAnsweredFirst }) => isAnsweredFirst)) {
            note({ results });
        }
        return { results, ...this.#last(last, results, steps) };
    }

    #step(name, value) {
        switch (name) {
            case 'set':
                return this.#texts.give(value, (text) => this.#handle.set(text));
            case 'merge':
                return this.#texts.give(value, (text) => this.#handle.merge(text));
            case 'stats':
                return this.#handle.stats();
            case 'mark':
                this.#handle.mark(value);
                this.#ask(value);
                return undefined;
            case 'read':
                return this.#read();
            default:
                throw new TypeError(`there is no step ${name}`);
        }
    }

    #last({ name, request }, results, steps) {
        const isMarked = steps.some((step, place) => step.name === 'mark' && !results[place].error);
        const isOfMarks = name === 'again' && steps.some((step) => step.name === 'mark');
        if (isOfMarks && !isMarked) {
            // All were refused. A request without flags would ask for what is dirty.
            return { flushes: [] };
        }
        let told = this.#flush(name, request ?? NOTHING);
        const { refused } = told;
        if (refused) {
            // The others asked for a flush all the same.
            told = isMarked ? this.#flush('again', NOTHING) : undefined;
        }
        const flushes = told ? [told] : [];
        // After an error only a request without flags tells when to ask again, and it may flush too.
        // With nothing asked for, it would ask for what is dirty.
        while (told?.error && CHANNELS.some((channel) => this.#isAsked[channel])) {
            told = this.#flush('again', NOTHING);
            flushes.push(told);
        }
        // Of a closed run they are told although its Tandem is closed, too.
        const stats = name === 'close' && told?.ok ? plain(this.#handle.stats()) : undefined;
        return { refused, flushes, againMs: told?.againMs, stats };
    }

    /** What one flush came to, and which channels it took; or what refused it. */
    #flush(name, request) {
        try {
            const { receipt, callAgainInMs } = this.#made(name, request);
            const taken = {};
            for (const channel of CHANNELS) {
                taken[channel] = receipt[channel] !== undefined;
                if (taken[channel]) {
                    this.#attempts[channel] += 1;
                    this.#isAsked[channel] = false;
                }
            }
            return { ok: plain(receipt), taken, againMs: plain(callAgainInMs) };
        } catch (thrown) {
            const error = failureOf(thrown);
            if (REFUSALS.includes(error.kind)) {
                return { refused: error };
            }
            this.#ask(request);
            return { error, taken: this.#taken(error) };
        }
    }

    #made(name, request) {
        switch (name) {
            case 'flush':
                return { receipt: this.#handle.flush() };
            case 'close':
                return { receipt: this.#handle.close() };
            default: {
                const scheduled = this.#handle.schedule(request);
                this.#ask(request);
                return scheduled;
            }
        }
    }

    #ask(request) {
        for (const channel of CHANNELS) {
            this.#isAsked[channel] ||= request[channel];
        }
    }

    /** An error tells what failed, and not what was written beside it. */
    #taken(error) {
        const stats = this.#handle.stats();
        const taken = {};
        for (const channel of CHANNELS) {
            const attempts = Number(stats[channel].writes + stats[channel].failures);
            taken[channel] = attempts > this.#attempts[channel];
            this.#attempts[channel] = attempts;
            if (taken[channel]) {
                // After a conflict only a caller asks for it again.
                this.#isAsked[channel] = stats[channel].dirty && error.kind !== 'conflict';
            }
        }
        return taken;
    }
}
