import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../cli/verify.ts';
import { TestCa } from '../hosts/ca.ts';
import type { TestHost } from '../hosts/host.ts';
import { Lab } from '../hosts/lab.ts';
import { LabStack } from '../hosts/stack.ts';
import { Newcomer } from '../support/newcomer.ts';
import { commandsOf } from '../support/readme.ts';

const newcomer = new Newcomer();
let lab: Lab;
let stack: LabStack;
let app: TestHost;

/** As it is in the README, but for what is another's in the world: the name, how the machine is called in ssh's config, and the CA. */
const here = (commands: string): string =>
  commands
    .replaceAll('ssh://deploy@mcp.example.org', 'ssh://deploy@app')
    .replaceAll('mcp.example.org', LabStack.host)
    .replace(/^npm run check-config/m, `pulumi config set --path drawbridge:acme.directory ${TestCa.directory}\n$&`);

describe('a newcomer with a host', { timeout: 900_000, retry: 0 }, () => {
  beforeAll(async () => {
    lab = await Lab.create(console.error);
    app = await lab.addHost('app');
    await app.run('ufw allow 22/tcp && ufw --force enable');
    stack = await LabStack.over(lab, { app });
    await stack.leadTo(app);
  }, 600_000);
  afterAll(async () => {
    await stack?.close();
    await lab?.close();
    newcomer.leave();
  });

  it('has a server on the internet with the commands of the README, word for word', async () => {
    const [untilVerify] = here(commandsOf('Tier 1 in ten minutes')).split(/^npm run verify.*$/m);
    expect(await newcomer.type(untilVerify!)).toContain(LabStack.url);
    expect(await stack.status('/mcp')).toBe('401');
  });

  it('sees by the last one of them that clients would get on with it', async () => {
    expect(commandsOf('Tier 1 in ten minutes')).toMatch(/^npm run verify -- --stack prod/m);
    const outputs = join(newcomer.home, 'outputs.json');
    await newcomer.type(`pulumi stack output --json --show-secrets > ${outputs}`);
    const printed = await stack.run('outside', process.execPath, [join(newcomer.directory, 'cli/launch.js'), 'verify', '--stack', 'prod', '--outputs', outputs, '--json']);
    const { ok, looked, checks } = JSON.parse(printed) as Report;
    expect(checks.filter(({ result }) => result === 'failed')).toEqual([]);
    expect([ok, looked.map(({ host }) => host)]).toEqual([true, [LabStack.host]]);
  });

  it('takes it down with the commands of the README, word for word, and nothing of it is left but what `prepare` gave the machine', async () => {
    await expect(newcomer.type('pulumi destroy')).rejects.toThrow(/protected/);
    await newcomer.type(commandsOf('Taking it down'), { DRAWBRIDGE_BACKUP_PASSPHRASE: 'a passphrase for what is saved' });
    expect(await app.run('docker ps --all --quiet; docker volume ls --quiet; docker network ls --quiet --filter type=custom; nft list tables | grep drawbridge || true')).toBe('');
  });
});
