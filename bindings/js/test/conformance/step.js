// Reads the steps of a case into functions that take them, and tell what differs.

import { setTimeout as sleep } from 'node:timers/promises';

import { call, expect } from './call.js';
import { action, entries, isAction } from './files.js';
import { fields } from './read.js';

const LOOK_MS = 50;
const MOMENT_MS = 1;

const CALLS_WAIT = 'calls of this host wait, and tell of no later call';

function expected(given) {
    const { isAgain, check } = expect(given.expect);
    return { isAgain, check, make: call(given, { allowed: ['expect'] }) };
}

const STEPS = {
    start(given) {
        fields('start', given, { needed: ['do', 'as', 'call'] });
        const make = call(given.call);
        return (host) => {
            const started = { isOver: false, outcome: make(host) };
            started.outcome.then(() => {
                started.isOver = true;
            });
            host.started.set(given.as, started);
        };
    },
    'is-waiting'(given) {
        fields('is-waiting', given, { needed: ['do', 'calls'] });
        return async (host) => {
            await sleep(LOOK_MS);
            const over = given.calls.filter((name) => host.started.get(name)?.isOver !== false);
            return over.length > 0 ? `expected to wait, but ended: ${over.join(', ')}` : undefined;
        };
    },
    await(given) {
        fields('await', given, { needed: ['do', 'call'], allowed: ['expect'] });
        const { isAgain, check } = expect(given.expect);
        return async (host) => {
            const started = host.started.get(given.call);
            if (isAgain || !started) {
                return isAgain ? CALLS_WAIT : `no call was started as ${given.call}`;
            }
            return check(await started.outcome);
        };
    },
    together(given) {
        fields('together', given, { needed: ['do', 'calls'] });
        const calls = given.calls.map(expected);
        return async (host) => {
            if (calls.some(({ isAgain }) => isAgain)) {
                return CALLS_WAIT;
            }
            const outcomes = await Promise.all(calls.map(({ make }) => make(host)));
            const wrong = calls.map(({ check }, index) => check(outcomes[index]));
            const first = wrong.findIndex((difference) => difference !== undefined);
            return first < 0 ? undefined : `call ${first + 1}: ${wrong[first]}`;
        };
    },
    'wait-for'(given) {
        fields('wait-for', given, { needed: ['do', 'files'] });
        const compare = entries(given.files, { isAll: false });
        return async (host) => {
            while (compare(host.sandbox, host.granted) !== undefined) {
                await sleep(MOMENT_MS);
            }
        };
    },
    check(given) {
        fields('check', given, { needed: ['do', 'files'] });
        const compare = entries(given.files, { isAll: false });
        return (host) => compare(host.sandbox, host.granted);
    },
};

export function step(given) {
    if (Object.hasOwn(STEPS, given.do)) {
        return STEPS[given.do](given);
    }
    if (isAction(given)) {
        const act = action(given);
        return (host) => act(host.granted);
    }
    const { isAgain, check, make } = expected(given);
    return async (host) => (isAgain ? CALLS_WAIT : check(await make(host)));
}
