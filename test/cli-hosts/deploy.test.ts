import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gatherFacts } from '../../host/facts.ts';
import { planPreparation, preparationScript } from '../../host/preparation.ts';
import { runScript } from '../../host/shell.ts';
import { LabClient } from '../hosts/client.ts';
import { Clone } from '../hosts/clone.ts';
import type { TestHost } from '../hosts/host.ts';
import { changesSince, inventory } from '../hosts/inventory.ts';
import { Lab } from '../hosts/lab.ts';
import { leaks } from '../hosts/scan.ts';
import { LabStack } from '../hosts/stack.ts';
import { PulumiCli } from '../support/pulumi-cli.ts';

const one = { deploy: { app: 'ssh://deploy@app', proxy: 'ssh://deploy@app' } };
/** The servers' URL is the same as in the other layout. */
const subdomains = { ...one, host: LabStack.domain, layout: 'subdomains' };
const two = { deploy: { app: 'ssh://deploy@app', proxy: 'ssh://deploy@proxy', appAddress: '198.18.0.10', proxyAddress: '198.18.0.11' } };
const likely = [22, 80, 443, 5432, 8080, 18080, 18081, 18082];
const open = (ports: number[]) => ({ v4: ports, v6: ports });

const clone = new Clone();
let lab: Lab;
let stack: LabStack;
let app: TestHost;
let proxy: TestHost;
let pulumi: PulumiCli;
let client: LabClient;
const before = new Map<TestHost, string[]>();

/** What the client saw while the stack was brought to another config, which is said. */
async function bringTo(config: Record<string, unknown>, host: TestHost): Promise<void> {
  client?.begin();
  await stack.leadTo(host);
  await pulumi.configure(stack.config(config));
  await pulumi.up();
  if (client) console.log(`  what the client saw: no answer for ${client.outage.seconds.toFixed(1)} s at most`);
}

const clientGoesOn = () => expect.poll(() => client.calls.at(-1)?.said, { timeout: 30_000 }).toContain('demo');

/** The tests of the other engine look closer; these are for what only the real providers can get wrong. */
describe('the real Pulumi CLI, with machines that it reaches by ssh', { timeout: 400_000 }, () => {
  beforeAll(async () => {
    lab = await Lab.create(console.error);
    [app, proxy] = [await lab.addHost('app'), await lab.addHost('proxy')];
    await app.run('ufw allow 22/tcp && ufw --force enable');
    await proxy.run('systemctl enable --now firewalld && systemctl restart docker');
    stack = await LabStack.over(lab, { app, proxy });
    for (const host of lab.hosts) {
      const target = `ssh://deploy@${host.name}`;
      const facts = await gatherFacts(target, { names: [] });
      await runScript(target, preparationScript(facts.family!, planPreparation(facts)), { root: true });
      before.set(host, await inventory(host));
    }
    pulumi = await PulumiCli.create('cli-hosts', clone.directory);
  });
  afterAll(async () => {
    client?.leave();
    await stack?.close();
    await lab?.close();
    clone.remove();
  });

  it('deploys to one machine, finds nothing to do afterwards, and a client signs in and calls', async () => {
    await bringTo(one, app);
    await pulumi.expectNoChanges();
    client = await LabClient.connect(stack, (await pulumi.outputs()).testUser);
    expect(client.calls[0]).toMatchObject({ ok: true });
    expect(await leaks(lab, app, open([22, 80, 443]), likely)).toEqual([]);
  });

  it('finds out by refresh that a container was removed by hand, and `up` makes it again', async () => {
    await app.run('docker rm --force $(docker ps --quiet --filter name=-server-)');
    expect(await pulumi.refresh()).toMatch(/server@app deleted/);
    await pulumi.up();
    await clientGoesOn();
  });

  it('brings a new version of the gateway beside the old one: each call is answered by one of them', async () => {
    clone.edit('server/main.ts', (text) => `${text}// Another version.\n`);
    client.begin();
    await pulumi.up();
    await clientGoesOn();
    // The demonstration server has the same image, and is replaced with it: the gateway says so.
    for (const said of client.outage.said) expect(said).toContain('The server mcp is not reachable at the moment');
    expect(await app.run("docker ps --format '{{.Names}}' --filter name=-server-")).toBe('drawbridge-cli-hosts-server-b\n');
  });

  it('switches the layout, and back: whoever was connected signs in anew, at the same URL', async () => {
    for (const config of [subdomains, one]) {
      await bringTo(config, app);
      expect(client.calls.at(-1)?.ok).toBe(false);
      client.leave();
      client = await LabClient.connect(stack, (await pulumi.outputs()).testUser);
    }
    await pulumi.expectNoChanges();
  });

  it('moves the proxy to a machine of its own, and finds nothing to do afterwards', async () => {
    await bringTo(two, proxy);
    await pulumi.expectNoChanges();
    await clientGoesOn();
    expect([...(await leaks(lab, app, open([22]), likely)), ...(await leaks(lab, proxy, open([22, 80, 443]), likely))]).toEqual([]);
  });

  it('moves it back', async () => {
    await bringTo(one, app);
    await clientGoesOn();
    expect(await changesSince(before.get(proxy)!, proxy)).toEqual([]);
  });

  it('destroys it, and leaves each machine as it was', async () => {
    client.leave();
    await pulumi.remove();
    for (const host of lab.hosts) expect(await changesSince(before.get(host)!, host)).toEqual([]);
  });
});
