// Has more runs wait for one lock than a call has room for, and records them when it is gone. The
// thread only answers.

import { stat } from 'node:fs/promises';
import process from 'node:process';

import { Recorder } from '../../src/recorder.js';

const RUNS = 15_000;
const LOCKED = { error: { kind: 'locked', path: '.runs/task.lock', message: 'locked', holder: { leaseMs: 3_600_000 } } };

let isLocked = true;
let tried = 0;
let tellTried;
const allTried = new Promise((resolve) => {
    tellTried = resolve;
});

const thread = {
    add(call) {
        queueMicrotask(() => {
            const { texts } = call.start();
            tried += texts.length;
            call.end({ ok: texts.map(() => (isLocked ? LOCKED : { ok: 'recorded' })) });
            if (tried === RUNS) {
                tellTried();
            }
        });
    },
    end() {},
};

const recorder = new Recorder(process.argv[2], () => thread);
const record = (_, number) => recorder.record(JSON.stringify({ taskId: 'task', runId: `run-${number}` }), 1, {});
const records = Array.from({ length: RUNS }, record);
await allTried;
// Whoever was tried looks at the lock before it waits, which is done when later looks are.
for (let looks = 0; looks < 10; looks += 1) {
    await stat(process.argv[2]);
}
isLocked = false;
await recorder.end();
const outcomes = new Set(await Promise.all(records));
console.log(...outcomes);
