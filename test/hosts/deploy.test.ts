import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gatherFacts } from '../../host/facts.ts';
import { planPreparation, preparationScript, restorationScript } from '../../host/preparation.ts';
import { runScript } from '../../host/shell.ts';
import { makeSmallImage, publishByMistake } from './stack-on-host.ts';
import { LabClient } from './client.ts';
import type { TestHost } from './host.ts';
import { changesSince, inventory } from './inventory.ts';
import { Lab } from './lab.ts';
import { leaks } from './scan.ts';
import { LabStack } from './stack.ts';

// Where Claude calls from, as Anthropic publishes it, and from elsewhere.
const hosted = { v4: '160.79.104.10', v6: '2001:db8:2::10' };
const one = { dataPlaneAllowlist: 'anthropic', deploy: { app: 'ssh://deploy@app', proxy: 'ssh://deploy@app' } };
const two = { ...one, deploy: { app: 'ssh://deploy@app', proxy: 'ssh://deploy@proxy', appAddress: '198.18.0.10', proxyAddress: '198.18.0.11' } };
/** sshd is the user's own. */
const ssh = [22];
const front = [22, 80, 443];
const both = (ports: number[]) => ({ v4: ports, v6: ports });

let lab: Lab;
let stack: LabStack;
let app: TestHost;
let proxy: TestHost;
/** Without a Docker engine. */
let bare: TestHost;
let client: LabClient;
let user: { username: string; password: string };
const before = new Map<TestHost, string[]>();
const changes = (host: TestHost) => changesSince(before.get(host)!, host);
const restore = (host: TestHost) => runScript(`ssh://deploy@${host.name}`, restorationScript('debian'), { root: true });
const failure = (run: Promise<unknown>) => run.then(() => '', (error: Error) => error.message);
const lines = async (host: TestHost, script: string) => (await host.run(script)).split('\n').filter(Boolean);

beforeAll(async () => {
  lab = await Lab.create(console.error);
  [app, proxy, bare] = (await lab.addHosts(['app', 'proxy', 'bare'])) as [TestHost, TestHost, TestHost];
  await bare.run('apt-get purge --yes --auto-remove docker.io docker-cli && groupdel --force docker');
  await bare.reboot();
  await app.run('ufw allow 22/tcp && ufw --force enable');
  await proxy.run('systemctl enable --now firewalld && systemctl restart docker');
  await lab.addClient('hosted', hosted);
  stack = await LabStack.over(lab, { app, proxy });
  for (const host of lab.hosts) before.set(host, await inventory(host));
}, 300_000);
afterAll(async () => {
  client?.leave();
  await stack?.close();
  await lab?.close();
});

describe('a machine that is not ready', () => {
  it('stops up with everything that is wrong, before anything is changed there', async () => {
    await app.run('nohup busybox nc -ll -p 80 -e true >/dev/null 2>&1 &');
    const message = await failure(stack.up(one));
    await app.run('pkill busybox');
    expect(message).toMatch(/ssh:\/\/deploy@app is not ready; nothing was changed/);
    for (const problem of [/deploy may not use it/, /port 80 is held by busybox \(process \d+\)/, /mcp\.example\.test has no DNS record: it needs A 198\.18\.0\.10, AAAA fd00:18::10$/m]) expect(message).toMatch(problem);
    expect(await changes(app)).toEqual([]);
  });

  it('is not reached where its host key is not the known one', async () => {
    const file = join(lab.directory, 'known_hosts');
    const known = readFileSync(file, 'utf8');
    writeFileSync(file, known.replaceAll(/ssh-ed25519 \S+/g, `ssh-ed25519 ${readFileSync(join(lab.directory, 'key.pub'), 'utf8').split(' ')[1]!}`));
    const message = await failure(stack.up(one));
    writeFileSync(file, known);
    expect(message).toMatch(/the host key of app is not the one you know: another machine may be answering in its place/);
  });
});

describe('preparing', () => {
  /** @returns how many steps there were */
  async function prepare(host: TestHost): Promise<number> {
    const target = `ssh://deploy@${host.name}`;
    const facts = await gatherFacts(target, { names: [] });
    const steps = planPreparation(facts);
    const { code, stderr } = await runScript(target, preparationScript(facts.family!, steps), { root: true });
    if (code !== 0) throw new Error(stderr);
    return steps.length;
  }

  it('lets a user who may sudo use Docker, notes it, and is undone from the note', async () => {
    for (const host of [app, proxy]) {
      expect(await prepare(host)).toBe(1);
      expect(await prepare(host)).toBe(0);
      expect(await host.run('cat /var/lib/drawbridge/prepared')).toBe('member deploy\n');
      expect((await restore(host)).code).toBe(0);
      expect(await changes(host)).toEqual([]);
      await prepare(host);
    }
  });

  it('installs a Docker engine where there is none; restore keeps it while something is in it, and then removes exactly what was installed', async () => {
    expect(await prepare(bare)).toBe(3);
    expect(await lines(bare, 'cat /var/lib/drawbridge/prepared')).toEqual(expect.arrayContaining(['package docker.io', 'package containerd', 'member deploy']));
    await bare.run('sudo -u deploy docker volume create precious');
    expect(await restore(bare)).toMatchObject({ code: 3, stdout: 'volume precious\n' });
    await bare.run('docker volume rm precious');
    expect((await restore(bare)).code).toBe(0);
    // Docker's rules are in the kernel until then.
    await bare.reboot();
    expect(await changes(bare)).toEqual([]);
  });
});

describe('a stack on one machine, where ufw enforces', () => {
  it('is deployed there by ssh, as a user who is not root', async () => {
    await stack.leadTo(app);
    const { outputs } = await stack.up(one);
    user = outputs.testUser as typeof user;
    expect(await stack.status('/auth/admin/')).toBe('404');
  }, 400_000);

  it('shows the internet and a neighbour 80 and 443 and nothing else, on all ports and both families', async () => {
    expect(await leaks(lab, app, both(front))).toEqual([]);
  });

  it('lets a client of the allow-list connect, whose user signs in from elsewhere', async () => {
    client = await LabClient.connect(stack, user, { from: 'hosted', browser: 'outside' });
    expect(client.calls[0]).toMatchObject({ ok: true });
  });

  it('answers others with 403 at the server, while sign-in and metadata are open to them', async () => {
    await expect(LabClient.connect(stack, user, { from: 'outside' })).rejects.toThrow(/403/);
    expect(await stack.status('/mcp')).toBe('403');
    expect(await stack.status('/mcp', 'hosted')).toBe('401');
    for (const path of ['/.well-known/oauth-protected-resource/mcp', '/.well-known/oauth-authorization-server/auth/realms/main', '/auth/realms/main/.well-known/openid-configuration']) expect(await stack.status(path), path).toBe('200');
  });

  it('is left alone by an up that has nothing to change', async () => {
    expect((await stack.up(one)).changes).toMatchObject({ create: 0, update: 0, replace: 0, delete: 0 });
  });
});

describe('moving the proxy to a machine of its own, where firewalld enforces, with a client connected', () => {
  /** What the client saw meanwhile, which is said; afterwards it goes on as if nothing had been. */
  async function watched(work: () => Promise<unknown>): Promise<void> {
    client.begin();
    await work();
    const { seconds, said } = client.outage;
    console.log(`  what the client saw: no answer for ${seconds.toFixed(1)} s at most; ${said.join('; ')}`);
    client.begin();
    await expect.poll(() => client.calls.at(-1)?.ok, { timeout: 15_000 }).toBe(true);
  }

  it('serves from there, and what is behind it is on the app’s LAN address', async () => {
    await watched(async () => {
      await stack.leadTo(proxy);
      await stack.up(two);
    });
    expect(await lines(proxy, 'docker ps --format {{.Names}} | sort')).toEqual(['drawbridge-lab-certificates', expect.stringMatching(/^drawbridge-lab-front-[ab]$/)]);
    expect(await lines(app, 'docker ps --format {{.Names}} | grep -E "front|certificates" || true')).toEqual([]);
    expect(await lines(app, "ss -Hltn | awk '{ print $4 }' | grep ':1808' | sort")).toEqual(expect.arrayContaining(['198.18.0.10:18081', expect.stringMatching(/^198\.18\.0\.10:1808[04]$/), expect.stringMatching(/^127\.0\.0\.1:1808[25]$/)]));
  }, 300_000);

  /** Nothing answers but sshd and the front; and the proxy, which no scan passes for, reaches the two ports that it needs. */
  async function closed(): Promise<void> {
    expect([...(await leaks(lab, app, both(ssh))), ...(await leaks(lab, proxy, both(front)))]).toEqual([]);
    const asked = 'for port in 18080 18081 18082 18084 18085; do curl --silent --output /dev/null --max-time 1 --write-out "%{http_code} " http://198.18.0.10:$port/ || true; done';
    // The gateway is in one of its two places.
    expect((await proxy.run(asked)).trim().split(' ').sort()).toEqual(['000', '000', '000', '302', '404']);
  }

  it('shows the internet and a neighbour only the front’s 80 and 443, on all ports and both families', closed);

  it('also after ports were published by mistake, Docker was restarted, and both machines were', async ({ onTestFinished }) => {
    for (const [host, network] of [[app, 'drawbridge-lab-edge'], [proxy, 'drawbridge-lab-proxy']] as const) {
      onTestFinished(() => host.run('docker rm -f mistake0 mistake1 mistake2 && docker image rm small').then(() => {}));
      await makeSmallImage(host);
      await publishByMistake(host, network);
      await host.run('systemctl restart docker');
    }
    await Promise.all([app, proxy].map((host) => host.reboot()));
    await expect.poll(() => client.calls.at(-1)?.ok, { timeout: 90_000 }).toBe(true);
    await closed();
  }, 240_000);

  it('and back leaves nothing on the machine that it was on', async () => {
    await watched(async () => {
      await stack.leadTo(app);
      await stack.up(one);
    });
    expect(await leaks(lab, app, both(front), [...front, 18080, 18081, 18082, 18084, 18085])).toEqual([]);
    expect((await restore(proxy)).code).toBe(0);
    expect(await changes(proxy)).toEqual([]);
  }, 300_000);
});

it('down and restore leave each machine as it was', async () => {
  client.leave();
  await stack.down(one);
  expect((await restore(app)).code).toBe(0);
  for (const host of [app, proxy]) expect(await changes(host)).toEqual([]);
}, 120_000);
