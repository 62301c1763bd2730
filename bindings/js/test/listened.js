import { OpenRun } from '../src/open-run.js';

/** A request without the flags that are not named. */
export const request = (flags) => ({ manifest: false, heartbeat: false, force: false, ...flags });

/** What a flush came to that took these channels. */
export const flushed = (channels, revision) => ({
    ok: { ...Object.fromEntries(channels.map((channel) => [channel, WRITTEN])), revision },
    taken: { manifest: channels.includes('manifest'), heartbeat: channels.includes('heartbeat') },
});

export const WRITTEN = { reached: 'visible', bytes: 1 };

/** An open run with a thread that only listens. */
export function listened() {
    const calls = [];
    const pool = { problem: () => undefined, isOver() {}, isGone() {} };
    const run = new OpenRun(pool, { add: (call) => calls.push(call) }, 1);
    /** Tells the thread the next call. Each step of it succeeds; `end` says what else it came to. */
    const start = () => {
        const call = calls.shift();
        const told = call.start((text) => text);
        const end = (more) => call.end({ results: told.steps.map(() => ({ ok: undefined })), ...more });
        const flush = (...outcome) => end({ flushes: [flushed(...outcome)] });
        return { told, end, flush };
    };
    return { run, calls, start };
}
