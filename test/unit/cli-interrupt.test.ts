import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connect } from '../../cli/docker.ts';
import { dockerText } from '../../cli/keeping/process.ts';
import { openTunnel } from '../../host/tunnel.ts';

let directory: string;
const stat = () => (existsSync(join(directory, 'stat')) ? readFileSync(join(directory, 'stat'), 'utf8') : '');
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'drawbridge-interrupt-'));
  for (const program of ['ssh', 'docker']) {
    writeFileSync(join(directory, program), `#!/bin/sh\ncat /proc/$$/stat > ${directory}/new && mv ${directory}/new ${directory}/stat\ncase "$*" in *'echo open'*) echo open ;; esac\nexec cat > /dev/null\n`);
    chmodSync(join(directory, program), 0o755);
  }
  vi.stubEnv('PATH', `${directory}:${process.env.PATH}`);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

// A terminal sends Ctrl-C to every process of the group in front of it: to ours, which heeds it at a good moment, and to its children.
describe('a Ctrl-C does not reach', () => {
  it.each([
    ['the tunnel through which `admin` deletes its account', () => openTunnel('ssh://u@h', 18081, '127.0.0.1:18081')],
    ['the way to a Docker engine elsewhere', async () => (await connect('ssh://u@h')).ping()],
    ['the docker of a backup or restore', () => dockerText(undefined, ['cp', '-', 'x:/'], endless())],
    ['that on another machine', () => dockerText('ssh://u@h', ['cp', '-', 'x:/'], endless())],
  ])('%s', async (_, begin) => {
    begin().catch(() => {});
    await vi.waitFor(() => expect(stat()).not.toBe(''), { timeout: 5000 });
    // proc(5): the process, its name in parentheses, state, parent, process group.
    const [pid, , , , group] = stat().split(' ');
    process.kill(Number(pid));
    expect(group).toBe(pid);
  });
});

it('a Ctrl-C at the very moment at which a docker of a backup or restore starts does not end it either', async () => {
  writeFileSync(join(directory, 'docker'), '#!/bin/sh\nread -r line && echo "$line"\n');
  const work = `
    import { dockerText } from '${join(import.meta.dirname, '../../cli/keeping/process.ts')}';
    process.on('SIGINT', () => {});
    console.log('started');
    for (let run = 0; run < 100; run++) if (await dockerText(undefined, [], 'whole\\n') !== 'whole') throw new Error('half');
    console.log('ended');
    process.stdin.resume();`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', work], { detached: true, stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (printed) => (said += String(printed)));
  await once(child.stdout, 'data');
  // It stays until its input ends, for there must be a group to send to.
  while (child.exitCode === null && !said.includes('ended')) {
    process.kill(-child.pid!, 'SIGINT');
    await setTimeout(1);
  }
  child.stdin.end();
  expect(said).toContain('ended');
});

async function* endless(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('x');
  await new Promise(() => {});
}
