// `npm run build`: makes dist/ of the component, which TANDEM_COMPONENT names, or which is built
// from the repository that this package lies in.

import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { bundleTo } from './bundle.js';
import { componentFile, isInRepository, packageDir, workspaceDir } from './component.js';
import { transpileTo } from './transpile.js';

async function build() {
    if (!process.env.TANDEM_COMPONENT) {
        if (!isInRepository) {
            throw new Error('there is no component: name one in TANDEM_COMPONENT');
        }
        execFileSync('cargo', ['xtask', 'component', '--blocking'], {
            cwd: workspaceDir,
            stdio: ['ignore', 'inherit', 'inherit'],
        });
    }
    if (isInRepository) {
        for (const name of ['LICENSE', 'LICENSE-APACHE', 'LICENSE-MIT']) {
            copyFileSync(join(workspaceDir, name), join(packageDir, name));
        }
    }
    const out = join(packageDir, 'dist');
    await transpileTo(componentFile(), out);
    await bundleTo(join(packageDir, 'src'), out);
}

try {
    await build();
} catch (error) {
    console.error(`error: ${error.message}`);
    process.exitCode = 1;
}
