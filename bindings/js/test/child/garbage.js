// Sets a document in a run that is then garbage, and opens another that needs its room.

import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

import { Tandem } from '../../src/index.js';

const LOOK_MS = 20;

const limits = { maxDocumentBytes: 1000, maxTotalDocumentBytes: 1000 };
const tandem = await Tandem.create({ dir: process.argv[2], ...limits });
const document = { text: 'x'.repeat(900) };

async function leave() {
    const run = await tandem.openRun({ taskId: 'task', runId: 'left' });
    await run.set(document);
}
await leave();
const run = await tandem.openRun({ taskId: 'task', runId: 'run' });
for (;;) {
    globalThis.gc();
    await sleep(LOOK_MS);
    try {
        await run.set(document);
        break;
    } catch (error) {
        if (error.kind !== 'too-large') {
            throw error;
        }
    }
}
await run.close();
