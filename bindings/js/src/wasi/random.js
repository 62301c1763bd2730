import { randomBytes } from 'node:crypto';

export const random = {
    getRandomU64: () => randomBytes(8).readBigUInt64LE(),
};
