#!/usr/bin/env node
// Runs the program that the package for this platform has, and ends as it does.

import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import process from 'node:process';

/** What `tandem exec` ends with when it does not start the command. */
const NOT_STARTED = 125;
/** What nobody but a sender sends to this process alone. */
const PASSED_ON = ['SIGHUP', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'];
/** What a terminal sends to the program too, so that passed on it would come twice. */
const OF_TERMINAL = ['SIGINT', 'SIGQUIT'];

function fail(message) {
    console.error(`tandem: ${message}`);
    process.exit(NOT_STARTED);
}

/** The file of the program. */
function find() {
    const platform = `${process.platform}-${process.arch}`;
    const name = `@tandem-persistence/cli-${platform}`;
    try {
        return createRequire(import.meta.url).resolve(`${name}/tandem`);
    } catch {
        const { optionalDependencies } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
        if (!(name in optionalDependencies)) {
            const there = Object.keys(optionalDependencies).map((known) => known.replace(/^.*\/cli-/, ''));
            return fail(`there is no program for ${platform}, only for ${there.join(', ')}`);
        }
        return fail(
            `the package ${name} is not installed: install tandem-persistence-cli on this machine, ` +
                'with optional dependencies, and on Linux with glibc',
        );
    }
}

function hasTerminal() {
    try {
        closeSync(openSync('/dev/tty'));
        return true;
    } catch {
        return false;
    }
}

const terminalSends = hasTerminal() ? OF_TERMINAL : [];
let program;
// Before the program is started: a signal in between would end this process alone.
for (const signal of [...PASSED_ON, ...OF_TERMINAL]) {
    process.on(signal, () => terminalSends.includes(signal) || program.kill(signal));
}
program = spawn(find(), process.argv.slice(2), { stdio: 'inherit' });
program.on('error', (error) => fail(`cannot start the program: ${error.message}`));
program.on('exit', (code, signal) => {
    if (signal === null) {
        process.exit(code);
    }
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // Only if that signal ends nothing here.
    process.exit(128 + constants.signals[signal]);
});
