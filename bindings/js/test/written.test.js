// What is read of a run's own file.

import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { failure, inTime, tandem as givenTandem } from './given.js';

test('a file above the limit of documents is too large to be read, and fails nothing else', async () => {
    const { dir, tandem } = await givenTandem();
    const run = await inTime(tandem.openRun({ taskId: 'task', runId: 'run', maxDocumentBytes: 100 }));
    await inTime(run.set({ n: 1 }));
    await inTime(run.flush());
    truncateSync(join(dir, '.runs', 'task', 'cli', 'run', 'manifest.json'), 600_000_000);
    const { kind, channel, path, message } = await failure(run.written());
    assert.deepEqual([kind, channel, path], ['too-large', 'manifest', '.runs/task/cli/run/manifest.json']);
    assert.match(message, /above maxDocumentBytes: /);
    await inTime(run.set({ n: 2 }));
    await inTime(run.close());
    assert.deepEqual(await inTime(run.written()), { n: 2 });
});
