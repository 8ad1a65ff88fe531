import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type EngineEvent, up } from '../../engine/index.ts';
import type { JournalEntry } from '../cloudflare/simulation.ts';
import type { StoredRecord } from '../cloudflare/dns-records.ts';
import { CodeFlow, type Tokens } from '../support/code-flow.ts';
import { FormBrowser } from '../support/form-browser.ts';
import { mcpRequest } from '../support/mcp-request.ts';
import { outputs, resource, stack } from '../support/outputs.ts';
import { StandingStack } from '../support/standing-stack.ts';
import { TestCa } from './ca.ts';
import { Caller } from './caller.ts';
import { addresses, host, publicAddress, simulation, zone } from './internet.ts';
import { Prober } from './prober.ts';
import { tunnelConfig, tunnelStack } from './stack.ts';

const cloudflare = inject('cloudflare');
const standing = new StandingStack(tunnelStack(cloudflare));
const records = () => simulation<StoredRecord[]>(cloudflare, 'records', zone);
const leftovers = () => simulation<string[]>(cloudflare, 'leftovers');
const steps: EngineEvent[] = [];

const switchTo = async (changes: object) => {
  steps.length = 0;
  await up({ ...tunnelStack(cloudflare, changes), onEvent: (event) => void steps.push(event) });
};

/** What has nothing to do with the way in: role → container id. */
const behind = () => Object.fromEntries(Object.entries(standing.containers()).filter(([role]) => /^(keycloak|database|server|backend)/.test(role)));
/** And what has. */
const inFront = () => Object.keys(standing.containers()).filter((role) => !/^(keycloak|database|server|backend)/.test(role)).map((role) => role.replace(/-[ab]$/, '')).sort();

/** A user with a browser, who signed in once. */
const user = new FormBrowser(outputs.testUser);
let flow: CodeFlow;
let signedIn: Tokens;
let caller: Caller | undefined;
let token: string;

/** In the browser, which has a session of its own: one of offline access would be the client's alone. @returns how often a password was asked for */
async function signIn(): Promise<number> {
  const before = user.pages.length;
  const { url, exchange } = flow.request('mcp:read');
  const code = (await user.authorize(url.href, flow.redirectUrl)).get('code')!;
  signedIn = (await (await flow.token({ ...exchange, code })).json()) as Tokens;
  return user.pages.slice(before).filter((page) => page.includes('name="password"')).length;
}

let ca: TestCa | undefined;
let prober: Prober | undefined;
let ids: Record<string, string>;
beforeAll(async () => {
  ca = await TestCa.start();
  setDefaultCACertificates([...getCACertificates('default'), ca.root]);
  caller = await Caller.connect(resource.url, user);
  flow = await CodeFlow.register('mcp:read');
  await signIn();
  token = caller.token;
  ids = behind();
  prober = new Prober(resource.metadataUrl);
});
afterAll(async () => {
  await caller?.leave();
  await prober?.stop();
  // Whatever happened: other tests go by the tunnel.
  await switchTo({});
  await ca?.stop();
});

/** Of the steps of the last run, those that did something. */
const done = () => steps.flatMap((event) => (event.kind === 'finished' && event.action !== 'same' ? [`${event.action} ${event.name}`] : []));

/** Nobody who was there before noticed. */
async function expectUnbroken(tier: string): Promise<void> {
  expect(behind()).toEqual(ids);
  expect((await mcpRequest({ token })).status).toBe(200);
  const before = caller!.calls;
  await sleep(1500);
  expect(caller!.calls).toBeGreaterThan(before);
  expect((await flow.refresh(signedIn.refresh_token!)).status).toBe(200);
  expect(await signIn()).toBe(0);
  const { milliseconds, problems } = prober!.outage;
  console.log(`  to tier ${tier}: errors for ${milliseconds} ms (${problems.join(', ') || 'none'}) of ${prober!.tries.length} requests; the client: ${caller!.calls} calls, ${caller!.failures.length} failed${caller!.failures.length > 0 ? ` (${[...new Set(caller!.failures)].join(', ')})` : ''}`);
  // Whoever asks for the name always finds one.
  expect(problems.join()).not.toContain('ENOTFOUND');
  // Who asked for the name just before it changed may come where it is known no more.
  expect(milliseconds).toBeLessThan(2000);
}

describe('a stack that is in use', { timeout: 600_000 }, () => {
  it('moves to a host of its own', async () => {
    await switchTo({ tier: 'host' });
    await expectUnbroken('host');
    expect(prober!.addresses).toEqual([addresses.edge, publicAddress]);
  });

  it('leaves nothing of the tunnel', async () => {
    expect(inFront()).toEqual(['certificates', 'front']);
    expect(await leftovers()).toEqual([`record A ${host}`]);
  });

  it('had DNS led to the host once that served, and the tunnel removed after that', () => {
    const order = done();
    const dns = order.indexOf('update dns');
    expect(dns).toBeGreaterThan(-1);
    expect(order.slice(0, dns).filter((step) => step.startsWith('delete'))).toEqual([]);
    expect(order.slice(dns + 1).filter((step) => !step.startsWith('delete'))).toEqual([]);
    expect(order.slice(dns + 1)).toEqual(expect.arrayContaining(['delete connector-1', 'delete connector-2', 'delete ingress-tunnel']));
  });

  it('takes no record over that somebody else made since, and names it', async () => {
    const [record] = await records();
    const zoneId = await simulation<string>(cloudflare, 'zoneId', zone);
    const headers = { authorization: `Bearer ${cloudflare.token}`, 'content-type': 'application/json' };
    const patched = await fetch(`${cloudflare.api}/zones/${zoneId}/dns_records/${record!.id}`, { method: 'PATCH', headers, body: JSON.stringify({ comment: 'by hand' }) });
    expect(patched.status).toBe(200);
    await expect(switchTo({})).rejects.toThrow(new RegExp(`${host}.*${publicAddress}[^]*adoptDns`));
    expect(await records()).toMatchObject([{ type: 'A', content: publicAddress, comment: 'by hand' }]);
    expect(inFront()).toEqual(['certificates', 'front']);
  });

  it('moves back behind a tunnel, and takes that record over where it is told to', async () => {
    await prober!.stop();
    prober = new Prober(resource.metadataUrl);
    caller!.failures.length = 0;
    const before = (await simulation<JournalEntry[]>(cloudflare, 'calls')).length;
    await switchTo({ cloudflare: { ...tunnelConfig(cloudflare).cloudflare, adoptDns: true } });
    await expectUnbroken('tunnel');
    expect(prober!.addresses).toEqual([publicAddress, addresses.edge]);
    // In one step, without a moment in which there is no record.
    const writes = (await simulation<JournalEntry[]>(cloudflare, 'calls')).slice(before).filter(({ method, path }) => method !== 'GET' && path.includes('/dns_records'));
    expect(new Set(writes.map(({ method, path }) => `${method} ${path.split('/').at(-1)}`))).toEqual(new Set(['POST batch']));
  });

  it('leaves nothing of the host’s way in', async () => {
    expect(inFront()).toEqual(['connector-1', 'connector-2', 'front']);
    expect(await records()).toMatchObject([{ type: 'CNAME', name: host, comment: `drawbridge ${stack}` }]);
    expect((await leftovers()).filter((one) => one.startsWith('tunnel '))).toEqual([`tunnel drawbridge-${stack}`]);
  });
});
