import assert from 'node:assert/strict';
import { test } from 'node:test';

import { kill } from './kills.js';

const KILLS = 8;

test('a process that is killed leaves all that was acknowledged, in whole files', async () => {
    const { flushes, records } = await kill(KILLS);
    assert.ok(flushes > 0 && records > 0, 'nothing was acknowledged');
});
