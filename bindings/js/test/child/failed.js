import process from 'node:process';

import { createIn } from '../../src/tandem.js';
import { IS_ON } from '../fault/inject.js';

const words = new Int32Array(new SharedArrayBuffer(8));
const module = new URL('../fault/inject.js', import.meta.url).href;
const tandem = await createIn(process.argv[2], {}, { module, shared: { name: 'mistake', words } });
const run = await tandem.openRun({ taskId: 'task', runId: 'run' });
const other = await tandem.openRun({ taskId: 'task', runId: 'other' });
await run.set({});
await other.schedule({ heartbeat: true });
const throttled = other.schedule({ heartbeat: true });
Atomics.store(words, IS_ON, 1);
const [error] = await Promise.all([
    run.flush().catch((reason) => reason),
    throttled.catch((reason) => reason),
]);
console.log(error.kind);
