import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../images/command.ts';
import type { StoredRecord } from '../cloudflare/dns-records.ts';
import { FormBrowser } from '../support/form-browser.ts';
import { PulumiCli } from '../support/pulumi-cli.ts';
import { StandingStack } from '../support/standing-stack.ts';
import { TestCa } from '../tunnel/ca.ts';
import { Caller } from '../tunnel/caller.ts';
import { buildConnector } from '../tunnel/connector-image.ts';
import { authority, host, Internet, publicAddress, simulation, zone } from '../tunnel/internet.ts';
import { tunnelConfig, tunnelStack } from '../tunnel/stack.ts';

const name = 'cli-tunnel';
let internet: Internet;
let ca: TestCa;
let pulumi: PulumiCli;
let standing: StandingStack;
let caller: Caller | undefined;

const records = () => simulation<StoredRecord[]>(internet.cloudflare, 'records', zone);
const leftovers = () => simulation<string[]>(internet.cloudflare, 'leftovers');
const behind = () => Object.entries(standing.containers()).filter(([role]) => /^(keycloak|database|server|backend)/.test(role)).sort();

async function bringTo(changes: object): Promise<void> {
  const { secrets, ...plain } = { ...tunnelConfig(internet.cloudflare), servers: [{ name: 'mcp', path: '/mcp' }], ...changes };
  await pulumi.configure(plain, secrets);
  await pulumi.up();
}

/** No call fails from now on. */
async function goesOn(): Promise<void> {
  const before = caller!.calls;
  await expect.poll(() => caller!.calls, { timeout: 30_000 }).toBeGreaterThan(before);
  console.log(`  ${caller!.calls} calls, ${caller!.failures.length} failed ${[...new Set(caller!.failures)].join(', ')}`);
  expect(caller!.failures).toEqual([]);
}

beforeAll(async () => {
  internet = await Internet.open();
  const trust = (certificate: string) => setDefaultCACertificates([...getCACertificates('default'), certificate]);
  trust(authority().certificate);
  ca = await TestCa.start();
  trust(ca.root);
  await buildConnector();
  standing = new StandingStack({ ...tunnelStack(internet.cloudflare), stack: name });
  pulumi = await PulumiCli.create(name);
});
afterAll(async () => {
  await caller?.leave();
  await ca?.stop();
  await internet?.close();
});

/** The tests of the other engine look closer; these are for what only the real providers can get wrong. */
describe('the real Pulumi CLI and Cloudflare’s real provider, with a simulation of Cloudflare', { timeout: 600_000 }, () => {
  it('stand up a tunnel, find nothing to do afterwards, and a client signs in and calls', async () => {
    await bringTo({});
    await pulumi.expectNoChanges();
    const { resources, testUser } = await pulumi.outputs();
    caller = await Caller.connect(resources.mcp!.url, new FormBrowser(testUser));
    await goesOn();
  });

  it('find out by refresh that a connector was removed by hand, and `up` makes it again', async () => {
    await run('docker', ['rm', '--force', standing.containers()['connector-1']!]);
    expect(await pulumi.refresh()).toMatch(/connector-1.* deleted/);
    await pulumi.up();
    await pulumi.expectNoChanges();
    await goesOn();
  });

  it('move it to the tier of a host, with a client that goes on calling, and leave nothing of the tunnel', async () => {
    const before = behind();
    await bringTo({ tier: 'host' });
    await goesOn();
    expect(behind()).toEqual(before);
    expect(await leftovers()).toEqual([`record A ${host}`]);
    expect(await records()).toMatchObject([{ type: 'A', content: publicAddress }]);
    await pulumi.expectNoChanges();
  });

  it('move it back', async () => {
    const before = behind();
    await bringTo({});
    await goesOn();
    expect(behind()).toEqual(before);
    expect(await records()).toMatchObject([{ type: 'CNAME', name: host }]);
    await pulumi.expectNoChanges();
  });

  it('destroy it, and leave nothing: here and at Cloudflare', async () => {
    await caller!.leave();
    caller = undefined;
    await pulumi.remove();
    expect(await leftovers()).toEqual([]);
    expect(await records()).toEqual([]);
    expect(standing.parts()).toMatchObject({ containers: [], networks: [], volumes: [] });
  });
});
