// The thread that makes the writes of another one, which waits for them and does something else.

import { parentPort, workerData } from 'node:worker_threads';

import { serve } from '../wasi/writer.js';

if (workerData.faults) {
    const { inject } = await import(workerData.faults.module);
    inject(workerData.faults.shared);
}
serve(workerData.writer);
parentPort.postMessage({ isReady: true });
