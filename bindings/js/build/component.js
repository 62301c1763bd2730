import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

export const packageDir = fileURLToPath(new URL('..', import.meta.url));
export const workspaceDir = join(packageDir, '..', '..');
export const isInRepository = existsSync(join(workspaceDir, 'xtask', 'Cargo.toml'));

/** The component that `dist/` is made of, once it is built. */
export function componentFile() {
    return process.env.TANDEM_COMPONENT ?? join(workspaceDir, 'target', 'tandem-blocking.wasm');
}
