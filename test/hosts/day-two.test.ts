import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectDirectory, stateDirectory } from '../../cli/stack-file.ts';
import type { Status } from '../../cli/status/facts.ts';
import { npmRun as npm } from '../support/npm-run.ts';
import { LabClient } from './client.ts';
import type { TestHost } from './host.ts';
import { Lab } from './lab.ts';
import { leaks } from './scan.ts';
import { LabStack } from './stack.ts';

const target = 'ssh://deploy@app';
const deploy = { app: target, proxy: target };
/** As the commands read it. The state is the test's own: to them the stack is one that was deployed from elsewhere, until they are shown it. */
const stackFile = join(projectDirectory, 'Pulumi.lab.yaml');
const stateFiles = ['lab.json', 'lab.key'];

let lab: Lab;
let stack: LabStack;
let app: TestHost;
let user: { username: string; password: string };
const file = () => join(stack.directory, 'lab.age');

const npmRun = (...args: string[]) => npm(...args, '--stack', 'lab');

async function status(): Promise<Status> {
  const { code, stdout, stderr } = await npmRun('status', '--json');
  if (stdout === '') throw new Error(stderr);
  const found = JSON.parse(stdout) as Status;
  expect(code).toBe(found.ok ? 0 : 1);
  return found;
}
const problems = async (): Promise<string[]> => (await status()).problems.map(({ what }) => what);

/** All is well, and somebody can sign in and call a tool. */
async function expectWhole(): Promise<void> {
  await expect.poll(problems, { timeout: 120_000, interval: 2000 }).toEqual([]);
  (await LabClient.connect(stack, user)).leave();
}

/** Of this run, or of one that was killed. */
function removeFiles(): void {
  for (const shown of [stackFile, ...stateFiles.map((name) => join(stateDirectory, name))]) rmSync(shown, { force: true });
}

beforeAll(async () => {
  removeFiles();
  lab = await Lab.create(console.error);
  app = await lab.addHost('app');
  await app.run('usermod -aG docker deploy && ufw allow 22/tcp && ufw --force enable');
  stack = await LabStack.over(lab, { app }, { built: true });
  writeFileSync(stackFile, JSON.stringify({ config: stack.options({ deploy }).config }));
  await stack.leadTo(app);
  const { outputs } = await stack.up({ deploy });
  user = outputs.testUser as typeof user;
}, 400_000);
afterAll(async () => {
  removeFiles();
  await stack?.close();
  await lab?.close();
});

describe('a stack on another machine', () => {
  it('is looked at from here: what runs there, in which version, since when, behind which firewall', async () => {
    await expectWhole();
    const found = await status();
    expect(found.problems).toEqual([]);
    const [machine] = found.machines;
    expect(machine).toMatchObject({ machine: target, missing: [], firewall: { table: 'in force', atStart: true, enforcers: ['ufw'], opened: true } });
    expect(machine!.containers.map(({ role, state, health, restarts }) => [role, state, health, restarts])).toEqual(['backend-mcp', 'certificates', 'database', 'front', 'keycloak', 'server'].map((role) => [role, 'running', 'healthy', 0]));
    for (const { role, memory, logLimit } of machine!.containers) expect([memory!.used > 1e6, logLimit], role).toEqual([true, 30e6]);
    expect(machine!.disk!.free).toBeGreaterThan(2e9);
    expect(machine!.volumes.map(({ name }) => name).sort()).toEqual(['drawbridge-lab-acme', 'drawbridge-lab-certificates', 'drawbridge-lab-configuration', 'drawbridge-lab-database']);
    expect(found.versions).toEqual({ drawbridge: expect.stringMatching(/^\d/), keycloak: '26.7.4', postgres: expect.stringMatching(/^17\./), nginx: expect.stringMatching(/^1\./), node: expect.stringMatching(/^24\./) });
    expect(found.certificate).toMatchObject({ names: [LabStack.host], issuer: expect.stringContaining('Pebble'), failedAttempts: 0 });
    expect(found.drift).toEqual({ ask: 'npm run drift -- --stack lab' });
    expect(found).not.toHaveProperty('backup');
  }, 240_000);

  it('is backed up from here, which its status knows', async () => {
    expect(await npmRun('backup', '--to', file())).toMatchObject({ code: 0 });
    expect((await status()).backup).toMatchObject({ encryptedTo: 'passphrase', bytes: expect.any(Number) as number });
  });

  it('is restored from here, with who was registered then and nobody who came later', async () => {
    const clients = () => app.run(`docker exec drawbridge-lab-database sh -c 'PGPASSWORD=$POSTGRES_PASSWORD psql -U keycloak -Atc "SELECT count(*) FROM client"'`);
    const before = await clients();
    // It registers itself.
    (await LabClient.connect(stack, user)).leave();
    expect(await clients()).not.toBe(before);
    expect(await npmRun('restore', '--from', file(), '--yes')).toMatchObject({ code: 0 });
    expect(await clients()).toBe(before);
    await expectWhole();
  }, 240_000);

  it('is whole after its machine was switched off and on, without anybody’s doing, and closed', async () => {
    await app.reboot();
    await expectWhole();
    expect(await leaks(lab, app, { v4: [22, 80, 443], v6: [22, 80, 443] }, [22, 80, 443, 5432, 8080, 18080, 18081, 18082, 18083])).toEqual([]);
  }, 240_000);
});

describe('what somebody changed by hand on the machine', () => {
  it('in containers and networks is said, and repaired by up', async () => {
    mkdirSync(stateDirectory, { recursive: true });
    for (const name of stateFiles) symlinkSync(join(stack.directory, name), join(stateDirectory, name));
    await app.run('docker rm -f drawbridge-lab-server-a && docker stop -t 1 drawbridge-lab-backend-mcp && docker network disconnect drawbridge-lab-edge drawbridge-lab-keycloak');
    const found = await problems();
    expect(found).toEqual(expect.arrayContaining([`${target}: there is no container server`, expect.stringMatching(/: backend-mcp does not run \(exited with \d+ since 2/)]));
    const drift = found.find((what) => what.startsWith('it is not as its config says: '));
    for (const each of ['create server@app (drift: removed by hand)', 'replace backend-mcp@app (drift: stopped by hand)', 'replace keycloak@app (drift: on drawbridge-lab-data, by hand)']) expect(drift).toContain(each);
    const { changes } = await stack.up({ deploy });
    // The realm's command follows Keycloak's container.
    expect(changes).toMatchObject({ create: 1, delete: 0 });
    await expectWhole();
  }, 240_000);

  it('in its firewall is said, and repaired by the command that is named', async () => {
    for (const [script, problem] of [
      ['nft flush ruleset', /table of nftables is missing/],
      ['nft flush chain inet drawbridge_lab forward', /table of nftables is changed/],
      ['systemctl disable drawbridge-lab-firewall && rm -r /etc/drawbridge /etc/systemd/system/drawbridge-lab-firewall.service', /unit is not enabled/],
    ] as const) {
      await app.run(script);
      // Those whose rules went along bring back their own.
      if (script === 'nft flush ruleset') await app.run('systemctl restart docker && ufw reload');
      const found = await status();
      expect(found.problems.find(({ what }) => problem.test(what)), script).toMatchObject({ next: 'npm run host -- firewall --stack lab' });
      expect(await npmRun('host', 'firewall', '--yes')).toMatchObject({ code: 0 });
      // Docker was restarted, and Keycloak with it.
      await expect.poll(problems, { timeout: 150_000, interval: 2000 }).toEqual([]);
    }
  }, 400_000);
});

describe('the disk of the machine', () => {
  it('is not filled by logs: the ACME client keeps none beside its certificates, and the database none beside its data', async () => {
    const files = await app.run('docker exec drawbridge-lab-certificates find /acme /certificates -name "*log*"; docker exec drawbridge-lab-database find /var/lib/postgresql/data -name "*.log" -o -name log');
    expect(files).toBe('');
  });
});
