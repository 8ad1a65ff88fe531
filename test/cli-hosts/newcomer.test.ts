import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../cli/verify.ts';
import { TestCa } from '../hosts/ca.ts';
import { Clone } from '../hosts/clone.ts';
import type { TestHost } from '../hosts/host.ts';
import { Lab } from '../hosts/lab.ts';
import { LabStack } from '../hosts/stack.ts';
import { commandsOf } from '../support/readme.ts';

const clone = new Clone();
const home = mkdtempSync(join(tmpdir(), 'drawbridge-newcomer-'));
let lab: Lab;
let stack: LabStack;
let app: TestHost;

/** A person who types what the README says, and agrees to what is asked. Pulumi's state, and what else is kept at home, is in a folder of its own. */
async function type(commands: string): Promise<string> {
  const env = { ...process.env, HOME: home, PULUMI_HOME: join(home, '.pulumi'), NPM_CONFIG_USERCONFIG: join(homedir(), '.npmrc'), NPM_CONFIG_CACHE: join(homedir(), '.npm'), PULUMI_CONFIG_PASSPHRASE: 'test', PULUMI_SKIP_UPDATE_CHECK: '1', PULUMI_SKIP_CONFIRMATIONS: 'true' };
  return (await promisify(execFile)('bash', ['-euxc', commands], { cwd: clone.directory, env, maxBuffer: 64 << 20 })).stdout;
}

/** As it is in the README, but for what is another's in the world: the name, how the machine is called in ssh's config, and the CA. */
const here = (commands: string): string =>
  commands
    .replaceAll('ssh://deploy@mcp.example.org', 'ssh://deploy@app')
    .replaceAll('mcp.example.org', LabStack.host)
    .replace(/^npm run check-config/m, `pulumi config set --path drawbridge:acme.directory ${TestCa.directory}\n$&`);

describe('a newcomer with a host', { timeout: 900_000, retry: 0 }, () => {
  beforeAll(async () => {
    rmSync(join(clone.directory, 'node_modules'));
    lab = await Lab.create(console.error);
    app = await lab.addHost('app');
    await app.run('ufw allow 22/tcp && ufw --force enable');
    stack = await LabStack.over(lab, { app });
    await stack.leadTo(app);
  }, 600_000);
  afterAll(async () => {
    await stack?.close();
    await lab?.close();
    clone.remove();
    rmSync(home, { recursive: true });
  });

  it('has a server on the internet with the commands of the README, word for word', async () => {
    const [untilVerify] = here(commandsOf('Tier 1 in ten minutes')).split(/^npm run verify.*$/m);
    expect(await type(untilVerify!)).toContain(LabStack.url);
    expect(await stack.status('/mcp')).toBe('401');
  });

  it('sees by the last one of them that clients would get on with it', async () => {
    expect(commandsOf('Tier 1 in ten minutes')).toMatch(/^npm run verify -- --stack prod/m);
    const outputs = join(home, 'outputs.json');
    await type(`pulumi stack output --json --show-secrets > ${outputs}`);
    const printed = await stack.run('outside', process.execPath, [join(clone.directory, 'cli/launch.js'), 'verify', '--stack', 'prod', '--outputs', outputs, '--json']);
    const { ok, looked, checks } = JSON.parse(printed) as Report;
    expect(checks.filter(({ result }) => result === 'failed')).toEqual([]);
    expect([ok, looked.map(({ host }) => host)]).toEqual([true, [LabStack.host]]);
  });

  it('takes it down with the commands of the README, word for word, and nothing of it is left but what `prepare` gave the machine', async () => {
    const commands = commandsOf('Taking it down');
    await expect(type('pulumi destroy')).rejects.toThrow(/protected/);
    await type(`export DRAWBRIDGE_BACKUP_PASSPHRASE=saved\n${commands}`);
    expect(await app.run('docker ps --all --quiet; docker volume ls --quiet; docker network ls --quiet --filter type=custom; nft list tables | grep drawbridge || true')).toBe('');
  });
});
