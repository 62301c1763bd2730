// Opens a Tandem while no file can be opened, and once more when that is over.

import { closeSync, openSync } from 'node:fs';
import process from 'node:process';

import { Tandem } from '../../src/index.js';

const [, , how, dir] = process.argv;
const limits = how === 'limits' ? { maxDocumentBytes: 1000 } : {};
const open = () => Tandem.open(dir, limits).then((tandem) => tandem.openRun({ taskId: 'task', runId: 'run' }));

const files = [];
try {
    for (;;) {
        files.push(openSync('/dev/null'));
    }
} catch {
    // One is left, for the directory.
    closeSync(files.pop());
}
// A call that hangs is to be seen, so the process does not end by itself.
const isAlive = setInterval(() => {}, 1000);
await open().catch(({ kind, retryable }) => console.log(kind, retryable));
files.forEach((file) => closeSync(file));
const run = await open();
await run.close();
console.log('works');
clearInterval(isAlive);
process.exit();
