import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { HostError, quote, runScript } from '../../host/shell.ts';
import { sshArguments } from '../../host/ssh.ts';

/** A program `ssh`, first on the PATH, that runs what it is given here, after it has gone through a filter. */
function sshThrough(filter: string): void {
  const directory = mkdtempSync(join(tmpdir(), 'drawbridge-ssh-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, 'ssh'), `#!/bin/sh\n${filter} | sh -s\n`);
  chmodSync(join(directory, 'ssh'), 0o755);
  vi.stubEnv('PATH', `${directory}:${process.env.PATH}`);
  onTestFinished(() => void vi.unstubAllEnvs());
}

describe('a script on a machine', () => {
  it('is run as a whole or not at all: a connection may break while it is on its way', async () => {
    sshThrough('head -c 30');
    const { code, stdout } = await runScript('ssh://root@h', 'echo one\necho two\necho /var/lib/drawbridge/prepared');
    expect(stdout).toBe('');
    expect(code).not.toBe(0);
  });

  it('is not the standard input of the programs in it, which would swallow the rest', async () => {
    // Longer than what any sh reads ahead.
    expect(await runScript('local', `cat >/dev/null\n${'# …\n'.repeat(20_000)}echo reached`)).toMatchObject({ code: 0, stdout: 'reached\n' });
  });

  it('keeps its exit code, its functions and what it does at its end', async () => {
    expect(await runScript('local', `set -eu\ntrap 'echo at the end' EXIT\nsay() { echo ${quote("it's")}; }\nsay # a comment`)).toEqual({ code: 0, stdout: "it's\nat the end\n", stderr: '' });
    expect(await runScript('local', 'exit 3')).toMatchObject({ code: 3 });
  });
});

it('the agent of whoever deploys is not lent to the machine, whatever ~/.ssh/config says', () => {
  expect(sshArguments({ user: 'root', host: 'h' }, 'true').join(' ')).toMatch(/-o ForwardAgent=no -o ForwardX11=no .*-- h true$/);
});

it('what a machine says in an error does nothing to the terminal of whoever reads it', () => {
  expect(new HostError('h: ssh failed: \x1b[1;1H\x1b[Jyou are fine\x07\nreally').message).toBe('h: ssh failed: you are fine \nreally');
});
