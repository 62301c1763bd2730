import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

/**
 * Runs this Node with arguments, and kills it when the time is over: a process that hangs may no
 * longer get to its own timers.
 *
 * @param {string[]} args
 * @param {number} limitMs
 */
export async function runNode(args, limitMs, options = {}) {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let isTimedOut = false;
    const limit = setTimeout(() => {
        isTimedOut = true;
        child.kill('SIGKILL');
    }, limitMs);
    const ended = new Promise((resolve, reject) => {
        child.on('error', reject);
        child.on('close', (code, signal) => resolve({ code, signal }));
    });
    const [stdout, stderr, { code, signal }] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        ended,
    ]);
    clearTimeout(limit);
    return { isTimedOut, code, signal, stdout, stderr };
}
