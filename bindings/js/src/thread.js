// One worker thread with one instance of the component, and what waits for it.

import { MessageChannel, Worker } from 'node:worker_threads';

import { errorOf, notStarted } from './error.js';
import { modules } from './modules.js';

/** What one message carries, unless a single call has more. */
const MESSAGE_BYTES_MAX = 64 << 20;

/** What a thread shares with this one for texts; what finds no room goes as a string. */
const SHARED_BYTES = 1 << 20;
/** A shorter text goes as a string: it costs no more. */
const SHARED_TEXT_BYTES_MIN = 16 << 10;

const COMPONENT = new URL('./worker/component.js', import.meta.url);
const WRITER = new URL('./worker/writer.js', import.meta.url);

/** Nothing that the process was started with, such as a loader, is of any use in a thread of ours. */
const BARE = { execArgv: [], env: {} };
/** What jco generates leaves much that lives for one call. With more room it is kept for long. */
const HEAP = { maxYoungGenerationSizeMb: 8 };

/**
 * A call to be made in a thread. `bytes` is what its texts have; `start` answers what the thread is
 * told, with each text as `put` has it; `note` takes what is told before the call is over, `end` what it came to,
 * which is an `error` if the thread could not be started.
 *
 * @typedef {{
 *     bytes: number,
 *     start: (put: (text: string, bytes: number) => object) => object,
 *     note?: (told: object) => void,
 *     end: (told: object) => void,
 * }} Call
 */

export class Thread {
    #shared;
    #sharedUsed = 0;
    #workers = [];
    #worker;
    #faults;
    #isHelped = false;
    // Workers that have not said that they are ready. Nothing is called while there are any.
    #starting = new Set();
    #isReady = false;
    // Why it could not be started.
    #error;
    #isEnding = false;
    /** @type {Call[]} */
    #waiting = [];
    /** @type {Map<number, Call>} */
    #inFlight = new Map();
    #lastId = 0;
    #isPumping = false;
    #isReferenced = true;
    #isAwaited = false;
    #onFailure;
    #onNoStart;
    #ready;
    #tellReady;

    /**
     * @param {{root: string, umask: number, limits: object, faults?: object}} data
     * @param {object} options with a writer, a second thread makes the writes of this one
     * @param {boolean} [options.hasWriter]
     * @param {(why: unknown) => void} options.onFailure a thread that was ready died: nobody knows
     * what became of its calls
     * @param {(thread: Thread) => void} options.onNoStart it could not be started, which its calls are told
     */
    constructor(data, { hasWriter = false, onFailure, onNoStart }) {
        this.#onFailure = onFailure;
        this.#onNoStart = onNoStart;
        this.#faults = data.faults;
        this.#ready = new Promise((resolve, reject) => {
            this.#tellReady = { resolve, reject };
        });
        // It is told to whoever calls, too.
        this.#ready.catch(() => {});
        const shared = new SharedArrayBuffer(SHARED_BYTES);
        this.#shared = Buffer.from(shared);
        try {
            const writer = hasWriter ? this.#startWriter((why) => this.#failed(why)).end : undefined;
            this.#worker = this.#start(COMPONENT, { ...data, shared, writer }, {
                port: writer?.port,
                onFailure: (why) => this.#failed(why),
            });
        } catch (why) {
            this.end();
            throw errorOf(notStarted(why));
        }
        this.#worker.on('message', (told) => {
            if (Array.isArray(told)) {
                told.forEach((answer) => this.#answered(answer));
                this.#pump();
                this.#reference();
            } else if (told.refused) {
                this.#cannotStart(told.refused);
            }
        });
        this.#reference();
        modules().then(
            (compiled) => this.#worker.postMessage({ modules: compiled }),
            (why) => this.#failed(why),
        );
    }

    /** Waits until calls can be made. It fails with what the component refused its limits with. */
    async ready() {
        this.#isAwaited = true;
        this.#reference();
        try {
            await this.#ready;
        } finally {
            this.#isAwaited = false;
            this.#reference();
        }
    }

    get isIdle() {
        return this.#waiting.length === 0 && this.#inFlight.size === 0;
    }

    /** @param {Call} call it is made after those that were given before */
    add(call) {
        if (this.#error) {
            queueMicrotask(() => call.end({ error: this.#error }));
            return;
        }
        this.#waiting.push(call);
        this.#reference();
        if (!this.#isPumping) {
            this.#isPumping = true;
            // What else is called in the same tick goes along.
            queueMicrotask(() => {
                this.#isPumping = false;
                this.#pump();
            });
        }
    }

    /** Has the syncs of a pair made side by side, by one more thread. */
    help() {
        if (!this.#isHelped) {
            this.#isHelped = true;
            this.#startHelper();
        }
    }

    /** Ends the threads, whatever they do. */
    async end() {
        this.#isEnding = true;
        await Promise.all(this.#workers.map((worker) => worker.removeAllListeners('exit').terminate()));
    }

    #startWriter(onFailure) {
        const { port1, port2 } = new MessageChannel();
        const rings = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
        const workerData = { faults: this.#faults, writer: { port: port2, rings } };
        const worker = this.#start(WRITER, workerData, { port: port2, onFailure });
        worker.unref();
        return { worker, end: { port: port1, rings } };
    }

    /** Without one, syncs are made one after the other. */
    #startHelper() {
        let isGone = false;
        const giveUp = () => {
            isGone = true;
            this.#isHelped = false;
        };
        try {
            const { worker, end: helper } = this.#startWriter((why) => {
                if (this.#starting.delete(worker)) {
                    giveUp();
                    this.#startIfAllAre();
                } else if (!isGone) {
                    this.#failed(why);
                }
            });
            // It is known before the calls that waited for it come.
            worker.prependOnceListener('message', () => this.#worker.postMessage({ helper }, [helper.port]));
        } catch {
            giveUp();
        }
    }

    #start(url, workerData, { port, onFailure }) {
        const transferList = port ? [port] : [];
        const worker = new Worker(url, { ...BARE, resourceLimits: HEAP, workerData, transferList });
        this.#starting.add(worker);
        worker.on('message', ({ isReady }) => {
            if (isReady && this.#starting.delete(worker)) {
                this.#startIfAllAre();
            }
        });
        worker.on('error', onFailure);
        worker.on('messageerror', onFailure);
        worker.on('exit', (code) => onFailure(new Error(`its thread ended with ${code}`)));
        this.#workers.push(worker);
        return worker;
    }

    #startIfAllAre() {
        if (this.#starting.size === 0) {
            this.#isReady = true;
            this.#tellReady.resolve();
            this.#pump();
        }
    }

    #failed(why) {
        if (this.#isEnding) {
            return;
        }
        if (this.#isReady) {
            this.#onFailure(why);
        } else {
            this.#cannotStart(notStarted(why));
        }
    }

    /** No call was made, so only those that wait are told, and nothing is lost. */
    #cannotStart(error) {
        if (this.#isEnding) {
            return;
        }
        this.#error = error;
        this.end();
        this.#onNoStart(this);
        this.#tellReady.reject(error);
        this.#waiting.splice(0).forEach((call) => call.end({ error }));
        this.#reference();
    }

    /** A thread that is waited for keeps the process alive, and no other does. */
    #reference() {
        const isReferenced = this.#isAwaited || !this.isIdle;
        if (isReferenced !== this.#isReferenced) {
            this.#isReferenced = isReferenced;
            if (isReferenced) {
                this.#worker.ref();
            } else {
                this.#worker.unref();
            }
        }
    }

    #pump() {
        if (this.#starting.size > 0 || this.#isEnding || this.#inFlight.size > 0 || this.#waiting.length === 0) {
            return;
        }
        // Whatever was there was taken: each call that had it is over.
        this.#sharedUsed = 0;
        const put = (text, textBytes) => this.#put(text, textBytes);
        const list = [];
        let bytes = 0;
        for (const call of this.#waiting) {
            bytes += call.bytes;
            if (list.length > 0 && bytes > MESSAGE_BYTES_MAX) {
                break;
            }
            this.#lastId += 1;
            this.#inFlight.set(this.#lastId, call);
            list.push({ ...call.start(put), id: this.#lastId });
        }
        this.#waiting.splice(0, list.length);
        this.#worker.postMessage(list);
    }

    /** Puts a text where the thread finds it. */
    #put(text, bytes) {
        const at = this.#sharedUsed;
        if (bytes < SHARED_TEXT_BYTES_MIN || at + bytes > SHARED_BYTES) {
            return { text, bytes };
        }
        this.#shared.write(text, at);
        this.#sharedUsed += bytes;
        return { at, bytes };
    }

    #answered({ id, isOver, ...told }) {
        const call = this.#inFlight.get(id);
        if (!isOver) {
            call.note(told);
            return;
        }
        this.#inFlight.delete(id);
        call.end(told);
    }
}
