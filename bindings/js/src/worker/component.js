// The thread of one instance of the component. Its calls block, so they are made here.
//
// The first message has the compiled modules, each later one is a list of calls: all that waited
// while this thread was busy.

import process from 'node:process';
import { parentPort, workerData } from 'node:worker_threads';

import { instantiate } from '../../dist/tandem.js';
import { wasiFor } from '../wasi/index.js';
import { Writer } from '../wasi/writer.js';
import { Histories } from './histories.js';
import { failureOf } from './outcome.js';
import { Runs } from './runs.js';
import { Texts } from './texts.js';

// What jco generates looks for a variable of the environment some hundred times in a flush. In an
// object of no use to anybody else it is found, or not, in no time.
process.env = {};

/** No answer waits longer for the end of a later call. */
const LATE_MS_MAX = 1;

/** Answers on their way: those of calls that come one after the other go together. */
class Answers {
    #waiting = [];
    #sinceMs = 0;

    add(answer, isUrgent = false) {
        if (this.#waiting.length === 0) {
            this.#sinceMs = performance.now();
        }
        this.#waiting.push(answer);
        if (isUrgent || performance.now() - this.#sinceMs > LATE_MS_MAX) {
            this.send();
        }
    }

    send() {
        if (this.#waiting.length > 0) {
            parentPort.postMessage(this.#waiting.splice(0));
        }
    }
}

async function start({ modules }) {
    const { root, known, umask, limits, writer, shared, faults } = workerData;
    if (faults) {
        const { inject } = await import(faults.module);
        inject(faults.shared);
    }
    const { imports, syncs, readText } = wasiFor(root, { umask, known, writer: writer && new Writer(writer) });
    const texts = new Texts(shared);
    const { runs, histories } = instantiate(
        (name) => modules[name],
        imports,
        (module, moduleImports) => texts.instantiate(module, moduleImports),
    );
    try {
        runs.setLimits(limits);
    } catch (error) {
        parentPort.postMessage({ refused: failureOf(error) });
        return;
    }
    const calls = { ...new Runs(runs.Run, { readText, syncs, texts, maxDocumentBytes: limits.maxDocumentBytes }).calls, ...new Histories(histories).calls };
    const answers = new Answers();
    parentPort.on('message', (list) => {
        if (list.helper) {
            syncs.help(new Writer(list.helper));
            return;
        }
        for (const call of list) {
            const note = (told) => answers.add({ id: call.id, isOver: false, ...told }, true);
            answers.add({ id: call.id, isOver: true, ...calls[call.kind](call, note) });
        }
        answers.send();
    });
    parentPort.postMessage({ isReady: true });
}

parentPort.once('message', start);
