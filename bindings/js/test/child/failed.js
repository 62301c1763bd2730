import process from 'node:process';

import { Instance } from '../../src/instance.js';
import { Tandem } from '../../src/tandem.js';
import { Descriptor } from '../../src/wasi/descriptor.js';
import { wasiFor } from '../../src/wasi/index.js';

let isBroken = false;

class Broken extends Descriptor {
    async openAt(...args) {
        if (isBroken) {
            throw new TypeError('a mistake');
        }
        return super.openAt(...args);
    }
}

const tandem = new Tandem(await Instance.create(wasiFor(process.argv[2], Broken)));
const run = await tandem.openRun({ taskId: 'task', runId: 'run' });
const other = await tandem.openRun({ taskId: 'task', runId: 'other' });
await run.set({});
await other.schedule({ heartbeat: true });
const throttled = other.schedule({ heartbeat: true });
isBroken = true;
const [error] = await Promise.all([
    run.flush().catch((reason) => reason),
    throttled.catch((reason) => reason),
]);
console.log(error.kind);
