// When a process has nothing left to do, what its runs have not written is written, once.

import process from 'node:process';

const pools = new Set();

function flushAll() {
    for (const pool of pools) {
        pool.flushTouched();
    }
}

/** @param {{flushTouched(): void}} pool from now on it is flushed before the process ends */
export function flushBeforeExit(pool) {
    if (pools.size === 0) {
        process.on('beforeExit', flushAll);
    }
    pools.add(pool);
}

export function forget(pool) {
    if (pools.delete(pool) && pools.size === 0) {
        process.off('beforeExit', flushAll);
    }
}
