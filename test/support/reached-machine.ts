import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';

/** What a machine of a test is like, where it is not like this one. */
export interface ReachedMachine {
  /** Host name → what it resolves to there; changed, it does at once. */
  names: Record<string, string[]>;
  addresses: string[];
}

/**
 * A program `ssh`, first on the PATH, that runs here what it is to run there, with names and addresses of the machine's own, and a Docker
 * engine that its user may not use. One whose host is `away` does not answer.
 */
export function reachedMachine(machine: ReachedMachine): { change(machine: ReachedMachine): void } {
  const directory = mkdtempSync(join(tmpdir(), 'drawbridge-machine-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const program = (folder: string, name: string, script: string) => {
    mkdirSync(join(directory, folder), { recursive: true });
    writeFileSync(join(directory, folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(directory, folder, name), 0o755);
  };
  const change = ({ names, addresses }: ReachedMachine) => {
    const cases = Object.entries(names).map(([name, found]) => `${name}) printf '%s STREAM\\n' ${found.join(' ')} ;;`);
    program('there', 'getent', `case $2 in ${cases.join(' ')} *) exit 2 ;; esac`);
    program('there', 'ip', addresses.map((address, index) => `echo '${index + 2}: eth0 inet ${address}/24 scope global eth0'`).join('\n'));
  };
  change(machine);
  program('there', 'docker', `echo 'permission denied' >&2; exit 1`);
  program('bin', 'ssh', `for word; do last=$word; case $word in away) echo 'ssh: connect to host away port 22: Connection timed out' >&2; exit 255 ;; esac; done\nPATH=${join(directory, 'there')}:$PATH exec sh -c "$last"`);
  vi.stubEnv('PATH', `${join(directory, 'bin')}:${process.env.PATH}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  return { change };
}
