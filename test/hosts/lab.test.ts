import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../images/command.ts';
import type { TestHost } from './host.ts';
import { Lab } from './lab.ts';

let lab: Lab;
let host: TestHost;
beforeAll(async () => {
  lab = await Lab.create(console.error);
  host = await lab.addHost('app');
});
afterAll(() => lab?.close());

describe('a test host', () => {
  it.each(['root', 'deploy'])('lets %s in by ssh from the outside, its host key checked', async (user) => {
    expect((await run('ssh', [`${user}@app`, 'hostname && sudo -n id -u'], { env: lab.environment })).split('\n')).toEqual(['app', '0', '']);
  });

  it('has a Docker engine of its own, which docker reaches by ssh', async () => {
    expect((await run('docker', ['-H', 'ssh://root@app', 'info', '--format', '{{.Name}}'], { env: lab.environment })).trim()).toBe('app');
  });

  it('keeps its files over a reboot, and nothing that was in memory', async () => {
    await host.run('echo kept > /etc/kept; touch /run/lost; nft add table inet lost');
    await host.reboot();
    expect(await host.run('cat /etc/kept; ls /run/lost 2>/dev/null || true; nft list tables | grep lost || true')).toBe('kept\n');
    expect(await host.run('docker info --format {{.Name}}')).toBe('app\n');
  });
});
