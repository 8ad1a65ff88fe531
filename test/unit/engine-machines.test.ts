import { describe, expect, test } from 'vitest';
import { TinyProject } from '../support/engine-project.ts';
import { FakeSsh } from '../support/fake-ssh.ts';

const network = (target: string) => `
  const host = new URL('${target}').hostname;
  const provider = new docker.Provider('docker@' + host, { host: '${target}' });
  new docker.Network('edge@' + host, { name: 'edge', labels: [{ label: 'dev.drawbridge.stack', value: 's' }] }, { provider });
`;

describe('the Docker engine of another machine', { timeout: 60_000 }, () => {
  test('is reached by the user’s own ssh, which checks the host key and never asks', async () => {
    const ssh = new FakeSsh();
    const done: string[] = [];
    await ssh.engine('a', done);
    const project = new TinyProject(network('ssh://deploy@a:2222'));
    await project.up();
    expect(done).toEqual(['a: create edge']);
    for (const call of ssh.calls) {
      expect(call.slice(-3)).toEqual(['--', 'a', 'docker system dial-stdio']);
      expect(call.join(' ')).toMatch(/-o BatchMode=yes .*-l deploy -p 2222/);
      expect(call.join(' ')).not.toMatch(/StrictHostKeyChecking|UserKnownHostsFile|-i /);
    }
    await project.up();
    expect(project.decision('edge@a')?.action).toBe('same');
    await project.down();
    expect(done).toEqual(['a: create edge', 'a: remove edge']);
  });

  test('is the same for who signs in there by another name', async () => {
    const ssh = new FakeSsh();
    const done: string[] = [];
    await ssh.engine('a', done);
    const project = new TinyProject(network('ssh://x@a'));
    await project.up();
    project.program(network('ssh://y@a'));
    await project.up();
    await project.down();
    expect(done).toEqual(['a: create edge', 'a: remove edge']);
    expect(ssh.calls.at(-1)!.join(' ')).toContain('-l y ');
  });

  test('takes over what moves to it before it goes where it was', async () => {
    const ssh = new FakeSsh();
    const done: string[] = [];
    await ssh.engine('a', done);
    await ssh.engine('b', done);
    const project = new TinyProject(network('ssh://x@a'));
    await project.up();
    project.program(network('ssh://x@b'));
    await project.up();
    expect(done).toEqual(['a: create edge', 'b: create edge', 'a: remove edge']);
  });

  test('that ssh does not trust is an error with the remedy', async () => {
    const ssh = new FakeSsh();
    ssh.refuse('a', 'No ED25519 host key is known for a and you have requested strict checking.\nHost key verification failed.\n');
    const project = new TinyProject(network('ssh://x@a'));
    expect(await project.failure(project.up())).toMatch(/Network edge@a: the host key of a is unknown here: run `ssh x@a` once and compare the fingerprint/);
  });
});
