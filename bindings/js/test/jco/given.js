import { mkdtempSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

/** The package that the first argument names, in a new directory. `done` tells that the end was reached. */
export async function given() {
    const { Tandem } = await import(join(process.argv[2], 'src', 'index.js'));
    const dir = mkdtempSync(join(tmpdir(), 'tandem-jco-'));
    process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
    return {
        tandem: await Tandem.create({ dir }),
        dir,
        done() {
            writeSync(process.stdout.fd, 'done\n');
            process.exit();
        },
    };
}
