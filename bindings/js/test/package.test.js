import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { bundleTo } from '../build/bundle.js';
import { componentFile } from '../build/component.js';
import { transpileTo } from '../build/transpile.js';
import * as api from '../src/index.js';
import { directory } from './given.js';
import { runNode } from './process.js';

const LIMIT_MS = 120_000;

const packageDir = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(packageDir, 'package.json'), 'utf8'));

function digests(dir) {
    const files = readdirSync(dir, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
    return files.map((file) => [
        file.slice(dir.length),
        createHash('sha256').update(readFileSync(file)).digest('hex'),
    ]);
}

test('the types say what the package does', async () => {
    const tsc = join(packageDir, 'node_modules', 'typescript', 'bin', 'tsc');
    const args = [tsc, '--project', join(packageDir, 'test', 'tsconfig.json')];
    const { isTimedOut, code, stdout } = await runNode(args, LIMIT_MS);
    assert.ok(!isTimedOut, 'tsc hangs');
    assert.equal(code, 0, stdout);
});

test('the types name every export and every member', () => {
    const types = readFileSync(join(packageDir, 'src', 'index.d.ts'), 'utf8');
    for (const [name, value] of Object.entries(api)) {
        const [, body] = types.match(new RegExp(`^export class ${name} [^]*?{\n([^]*?)^}`, 'm'));
        for (const member of Object.getOwnPropertyNames(value.prototype)) {
            assert.match(body, new RegExp(`\\b${member}\\b`), `${name}.${member}`);
        }
    }
});

test('the same component gives the same package', async () => {
    const [first, second] = [directory(), directory()];
    for (const out of [first, second]) {
        await transpileTo(componentFile(), out);
        await bundleTo(join(packageDir, 'src'), out);
    }
    assert.deepEqual(digests(first), digests(second));
    assert.deepEqual(digests(first), digests(join(packageDir, 'dist')));
});

test('the tarball works where it is installed, and holds its licence', async () => {
    const dir = directory();
    const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', dir];
    execFileSync('npm', pack, { cwd: packageDir, timeout: LIMIT_MS });
    const installed = join(dir, 'node_modules', manifest.name);
    mkdirSync(installed, { recursive: true });
    const tarball = join(dir, `${manifest.name}-${manifest.version}.tgz`);
    const unpack = ['-xzf', tarball, '-C', installed, '--strip-components=1'];
    execFileSync('tar', unpack, { timeout: LIMIT_MS });
    const held = readdirSync(installed).sort();
    const licences = ['LICENSE', 'LICENSE-APACHE', 'LICENSE-MIT'];
    assert.deepEqual(held, [...licences, 'README.md', 'dist', 'example', 'package.json', 'src']);

    const program = `
        import { Tandem } from '${manifest.name}';
        const tandem = await Tandem.create({ dir: '.' });
        const run = await tandem.openRun({ taskId: 'task', runId: 'run' });
        await run.set({});
        console.log((await run.close()).manifest.reached);
    `;
    writeFileSync(join(dir, 'program.mjs'), program);
    const { code, stdout, stderr } = await runNode(['program.mjs'], LIMIT_MS, { cwd: dir });
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'durable\n');
});

test('what matters is pinned', () => {
    assert.equal(manifest.dependencies, undefined);
    for (const [name, version] of Object.entries(manifest.devDependencies)) {
        assert.match(version, /^(npm:node@)?\d+\.\d+\.\d+$/, name);
    }
    const lock = readFileSync(join(packageDir, 'package-lock.json'), 'utf8');
    assert.doesNotMatch(lock, /"resolved"/);
});
