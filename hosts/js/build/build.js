// `npm run build [-- COMPONENT]`: makes dist/ of the component.
//
// The component is the argument, or what TANDEM_COMPONENT names, or is built from the repository
// that this package lies in.

import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { transpileTo } from './transpile.js';

const packageDir = fileURLToPath(new URL('..', import.meta.url));
const workspaceDir = join(packageDir, '..', '..');
const isInRepository = existsSync(join(workspaceDir, 'xtask', 'Cargo.toml'));

async function build(given) {
    if (isInRepository) {
        for (const name of ['LICENSE', 'LICENSE-APACHE', 'LICENSE-MIT']) {
            copyFileSync(join(workspaceDir, name), join(packageDir, name));
        }
    }
    const out = join(packageDir, 'dist');
    if (given) {
        await transpileTo(given, out);
        return;
    }
    if (!isInRepository) {
        throw new Error('name the component: npm run build -- FILE');
    }
    execFileSync('cargo', ['xtask', 'component'], {
        cwd: workspaceDir,
        stdio: ['ignore', 'inherit', 'inherit'],
    });
    await transpileTo(join(workspaceDir, 'target', 'tandem.wasm'), out);
}

try {
    await build(process.argv[2] ?? process.env.TANDEM_COMPONENT);
} catch (error) {
    console.error(`error: ${error.message}`);
    process.exitCode = 1;
}
