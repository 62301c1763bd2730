// What is told, and what is kept, of what is the caller's own.

import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { asWritten } from '../src/names.js';
import { inTime, tandem as givenTandem } from './given.js';

test('names of options are written as here, and text of the caller is left as it is', () => {
    assert.equal(asWritten('max_document_bytes is below 1: 0'), 'maxDocumentBytes is below 1: 0');
    const own = 'runs_root is no name: "task_id \\" lease_ms", at .runs/task_id/run_id.lock';
    assert.equal(asWritten(own), own.replace('runs_root', 'runsRoot'));
});

test('what takes the place of a private file that was set aside is private', async () => {
    const { dir, tandem } = await givenTandem();
    const place = join(dir, '.runs', 'task', 'cli', 'run');
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'manifest.json'), 'damaged', { mode: 0o600 });
    const run = await inTime(tandem.openRun({ taskId: 'task', runId: 'run' }));
    await inTime(run.set({}));
    await inTime(run.close());
    assert.equal(statSync(join(place, 'manifest.json')).mode & 0o777, 0o600);
    await inTime(tandem.close());
});
