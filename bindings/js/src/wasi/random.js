import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 1024;
const U64_BYTES = 8;

// A call for eight bytes costs as much as one for a thousand.
const pool = Buffer.alloc(POOL_BYTES);
let used = POOL_BYTES;

export const random = {
    getRandomU64() {
        if (used === POOL_BYTES) {
            randomFillSync(pool);
            used = 0;
        }
        used += U64_BYTES;
        return pool.readBigUInt64LE(used - U64_BYTES);
    },
};
