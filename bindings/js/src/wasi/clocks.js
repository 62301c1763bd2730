import { hrtime } from 'node:process';

// A longer timer fires at once.
const LONGEST_TIMER_MS = 2n ** 31n - 1n;
const NS_PER_MS = 1_000_000n;

export const monotonicClock = {
    now: () => hrtime.bigint(),

    async waitUntil(when) {
        for (;;) {
            const leftNs = when - hrtime.bigint();
            if (leftNs <= 0n) {
                return;
            }
            const leftMs = (leftNs + NS_PER_MS - 1n) / NS_PER_MS;
            const timerMs = leftMs < LONGEST_TIMER_MS ? leftMs : LONGEST_TIMER_MS;
            // The component may have given this wait up, so it keeps no process alive. A call that
            // waits does so without it: jco looks after it every ten milliseconds.
            await new Promise((resolve) => setTimeout(resolve, Number(timerMs)).unref());
        }
    },
};

export const systemClock = {
    now() {
        const nowMs = Date.now();
        const seconds = Math.floor(nowMs / 1000);
        return { seconds: BigInt(seconds), nanoseconds: (nowMs - seconds * 1000) * 1_000_000 };
    },
};
