// The thread of one instance of the component. Its calls block, so they are made here.
//
// The first message has the compiled modules, each later one is a list of calls: all that waited
// while this thread was busy. Each call is answered as soon as it is over.

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

async function start({ modules }) {
    const { root, umask, limits, writer, shared, faults } = workerData;
    if (faults) {
        const { inject } = await import(faults.module);
        inject(faults.shared);
    }
    const { imports, syncs, readText } = wasiFor(root, { umask, writer: writer && new Writer(writer) });
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
    const calls = { ...new Runs(runs.Run, { readText, syncs, texts }).calls, ...new Histories(histories).calls };
    parentPort.on('message', (list) => {
        if (list.helper) {
            syncs.help(new Writer(list.helper));
            return;
        }
        for (const call of list) {
            const note = (told) => parentPort.postMessage({ id: call.id, isOver: false, ...told });
            parentPort.postMessage({ id: call.id, isOver: true, ...calls[call.kind](call, note) });
        }
    });
    parentPort.postMessage({ isReady: true });
}

parentPort.once('message', start);
