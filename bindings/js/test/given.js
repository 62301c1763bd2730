import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

import { Tandem } from '../src/index.js';

const LIMIT_MS = 60_000;

/** A directory that is gone after the tests of the file. */
export function directory() {
    const made = mkdtempSync(join(tmpdir(), 'tandem-test-'));
    after(() => rmSync(made, { recursive: true, force: true }));
    return made;
}

/** A component with a directory of its own. */
export async function tandem() {
    const dir = directory();
    return { dir, tandem: await inTime(Tandem.create({ dir })) };
}

/** The promise, or an error that says that it hangs. */
export async function inTime(promise) {
    let limit;
    const late = new Promise((_, reject) => {
        const hang = new Error(`hangs: not over after ${LIMIT_MS / 1000} seconds`);
        limit = setTimeout(() => reject(hang), LIMIT_MS);
    });
    try {
        return await Promise.race([promise, late]);
    } finally {
        clearTimeout(limit);
    }
}

/** The error that a promise fails with in time. */
export async function failure(promise) {
    const kept = inTime(promise).then(
        (value) => ({ value }),
        (error) => ({ error }),
    );
    const { error, value } = await kept;
    if (error === undefined) {
        throw new Error(`expected a failure, found ${JSON.stringify(value)}`);
    }
    return error;
}

export const BOTH = { manifest: true, heartbeat: true, force: true };

const lockOf = (dir, taskId) => join(dir, '.runs', `${taskId}.lock`);

/** Another holder's lock of the history of a task, for an hour. */
export function lock(dir, taskId) {
    const held = { version: 1, token: '0f'.repeat(16), lease_ms: 3_600_000 };
    mkdirSync(join(dir, '.runs'), { recursive: true });
    writeFileSync(lockOf(dir, taskId), `${JSON.stringify(held)}\n`);
}

/** Removes it. */
export function unlock(dir, taskId) {
    rmSync(lockOf(dir, taskId));
}

/** A summary of a run. */
export function summary(taskId, runId, more = {}) {
    return { taskId, runId, timestamp: '2026-01-01T00:00:00.000Z', ...more };
}
