import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nameProblems } from '../../cloudflare/account/names.ts';
import { type Before, prepare, type Prepared } from '../../cloudflare/account/prepare.ts';
import type { Wanted } from '../../cloudflare/account/wanted.ts';
import type { Permission } from '../cloudflare/permissions.ts';
import { sdk } from '../cloudflare/sdk.ts';
import { CloudflareSimulation } from '../cloudflare/simulation.ts';

/** What `cloudflare/account.ts prepare` finds wrong, against the simulation of Cloudflare's API. */
let cloudflare: CloudflareSimulation;
beforeEach(async () => void (cloudflare = await CloudflareSimulation.start({ zones: ['example.test', 'other.test'] })));
afterEach(() => cloudflare.stop());

const name = 'mcp.example.test';
const NEEDED: Permission[] = ['Zone Read', 'DNS Write', 'Cloudflare Tunnel Write', 'Cache Settings Write', 'Zone WAF Write', 'Bot Management Write'];
const wanted = (more: Partial<Wanted> = {}): Wanted => ({
  stack: 's',
  accountId: cloudflare.accountId,
  zone: 'example.test',
  hosts: [name],
  tier: 'tunnel',
  adoptDns: false,
  manageBotSettings: true,
  rules: true,
  ...more,
});
const prepared = (more: Partial<Prepared> = {}): Prepared => ({ zone: 'example.test', accountId: cloudflare.accountId, ...more });
const create = (record: object) => sdk(cloudflare).dns.records.create({ zone_id: cloudflare.zoneId('example.test'), ttl: 1, ...record } as never);
const tunnel = () => sdk(cloudflare).zeroTrust.tunnels.cloudflared.create({ account_id: cloudflare.accountId, name: 'drawbridge-s', config_src: 'cloudflare' });

/** What is wrong, one line each; none if nothing is. */
async function problems(more: Partial<Wanted> = {}, token = cloudflare.tokenWith(NEEDED), before: Before = { stray: '' }): Promise<string[]> {
  try {
    await prepare(sdk(cloudflare, token), wanted(more), before);
    return [];
  } catch (error) {
    const { message } = error as Error;
    expect(message).not.toContain(token);
    const [title, ...lines] = message.split('\n');
    expect(title).toBe('Cloudflare is not ready; nothing was changed:');
    return lines.map((line) => line.replace(/^ {2}- /, ''));
  }
}

describe('the permissions of the token', () => {
  it('are enough for a tunnel with these, and nothing is changed by trying them out', async () => {
    expect(await problems()).toEqual([]);
    expect(cloudflare.leftovers()).toEqual([]);
  });

  it.each<[Permission, string]>([
    ['DNS Write', 'Zone → DNS → Edit on the zone example.test, for the records of the public names'],
    ['Cache Settings Write', 'Zone → Cache Rules → Edit on the zone example.test, for the rule by which nothing of the stack is cached'],
    ['Zone WAF Write', 'Zone → Zone WAF → Edit on the zone example.test, for the rule by which only some may call'],
    ['Bot Management Write', 'Zone → Bot Management → Edit on the zone example.test, for the bot settings, as manageBotSettings says'],
  ])('without %s: names it as the dashboard does, though the token may read', async (permission, words) => {
    const reads = permission.replace('Write', 'Read') as Permission;
    const found = await problems({}, cloudflare.tokenWith([...NEEDED.filter((one) => one !== permission), reads]));
    expect(found).toEqual([`the token lacks the permission ${words}: edit the token (My Profile → API Tokens, or Manage Account → Account API Tokens) and add it`]);
    expect(cloudflare.leftovers()).toEqual([]);
  });

  it('without Cloudflare Tunnel Write: names it with the account', async () => {
    expect(await problems({}, cloudflare.tokenWith([...NEEDED.filter((one) => one !== 'Cloudflare Tunnel Write'), 'Cloudflare Tunnel Read']))).toEqual([
      expect.stringContaining(`Account → Cloudflare Tunnel → Edit on the account ${cloudflare.accountId}, for the tunnel`),
    ]);
  });

  it('are needed only for what is wanted: on a host of one’s own just DNS', async () => {
    const dns = cloudflare.tokenWith(['Zone Read', 'DNS Write']);
    expect(await problems({ tier: 'host' }, dns)).toEqual([]);
    expect(await problems({}, dns)).toHaveLength(4);
    expect(await problems({ rules: false, manageBotSettings: false }, dns)).toEqual([expect.stringContaining('Cloudflare Tunnel'), expect.stringContaining('Cache Rules')]);
  });

  it('are tried out while there are rules of others, which stay', async () => {
    const api = sdk(cloudflare);
    const zone_id = cloudflare.zoneId('example.test');
    await api.rulesets.create({ zone_id, kind: 'zone', name: 'theirs', phase: 'http_request_firewall_custom', rules: [{ action: 'block', expression: 'true' }] });
    const rules = cloudflare.rules('example.test', 'http_request_firewall_custom');
    expect(await problems()).toEqual([]);
    expect(cloudflare.rules('example.test', 'http_request_firewall_custom')).toEqual(rules);
  });

  it('do not matter for a token that is none: that is said instead', async () => {
    const token = cloudflare.tokenWith(NEEDED);
    cloudflare.revoke(token);
    expect(await problems({}, token)).toEqual([expect.stringMatching(/^the token is none of this account’s, or of no user: it was mistyped, revoked or rolled.*code 1000/)]);
  });

  it('may be those of a token that the account owns', async () => {
    expect(await problems({}, cloudflare.tokenWith(NEEDED, { owner: 'account' }))).toEqual([]);
  });
});

describe('zone and account', () => {
  it('are the zone’s own account', async () => {
    cloudflare.changeZone('example.test', { account: { id: 'b'.repeat(32), name: 'Somebody else' } });
    expect(await problems()).toEqual([`the zone example.test is in the account ${'b'.repeat(32)} (Somebody else), not in ${cloudflare.accountId}: correct drawbridge:cloudflare.accountId`]);
  });

  it('have to be seen by the token', async () => {
    const said = /^the token sees no zone example\.test: under “Zone Resources” it has to include it, with the permission Zone → Zone → Read/;
    expect(await problems({}, cloudflare.tokenWith(NEEDED, { zones: ['other.test'] }))).toEqual([expect.stringMatching(said)]);
    expect(await problems({}, cloudflare.tokenWith(NEEDED.slice(1)))).toEqual([expect.stringMatching(said)]);
  });

  it('are a zone that is active, has its DNS at Cloudflare, and is not paused', async () => {
    cloudflare.changeZone('example.test', { status: 'pending', paused: true });
    expect(await problems()).toEqual([
      expect.stringMatching(/^the zone example\.test is not active \(pending\): name ada\.ns\.cloudflare\.com and bob\.ns\.cloudflare\.com as its name servers/),
      expect.stringMatching(/^Cloudflare is paused for the zone example\.test.*Enable Cloudflare on Site/),
    ]);
    cloudflare.changeZone('example.test', { status: 'active', paused: true, type: 'partial' });
    expect(await problems({ tier: 'host' })).toEqual([expect.stringContaining('has its DNS elsewhere (its type is partial)')]);
  });

  it('are told apart from an account id that is none', async () => {
    expect(await problems({ accountId: 'mine' })).toEqual([`the zone example.test is in the account ${cloudflare.accountId} (Simulated account), not in mine: correct drawbridge:cloudflare.accountId`]);
  });
});

describe('public names', () => {
  const check = (host: string, tier: 'host' | 'tunnel' = 'tunnel') => nameProblems({ hosts: [host], zone: 'example.test', tier });

  it.each(['example.test', name, 'MCP.Example.Test'])('may be the zone or one label under it: %s', (host) => {
    expect(check(host)).toEqual([]);
  });

  it('are refused two labels under the zone, which the universal certificate does not cover', () => {
    expect(check('mcp.dev.example.test')).toEqual([
      'mcp.dev.example.test is 2 labels under example.test, and Cloudflare’s universal certificate covers example.test and *.example.test only: no client would trust it. Use a name one label under the zone, such as mcp-dev.example.test',
    ]);
    // A certificate of one's own.
    expect(check('mcp.dev.example.test', 'host')).toEqual([]);
  });

  it.each(['example.org', 'notexample.test', 'test'])('are refused outside of the zone: %s', (host) => {
    expect(check(host)).toEqual([`${host} is not in the zone example.test: correct drawbridge:host, or name its zone in drawbridge:cloudflare.zone`]);
    expect(check(host, 'host')).toHaveLength(1);
  });
});

describe('what others made', () => {
  it('is named where it is in the way of the public names, unless it may be taken over', async () => {
    await create({ type: 'A', name, content: '198.51.100.1' });
    await create({ type: 'TXT', name, content: '"beside"' });
    expect(await problems()).toEqual([expect.stringContaining(`A ${name} → 198.51.100.1 was made by somebody else`)]);
    expect(await problems({ adoptDns: true })).toEqual([]);
  });

  it('is said where its rules leave no room for one more in the zone’s plan', async () => {
    const phase = 'http_request_firewall_custom';
    await sdk(cloudflare).rulesets.create({ zone_id: cloudflare.zoneId('example.test'), kind: 'zone', name: 'theirs', phase, rules: Array.from({ length: 5 }, () => ({ action: 'block', expression: 'true' }) as const) });
    expect(await problems()).toEqual([expect.stringContaining('The zone example.test has 5 custom rules, as many as its plan (free) allows')]);
    expect(await problems({ rules: false })).toEqual([]);
  });

  it('is not what the stack made itself', async () => {
    await create({ type: 'A', name, content: '198.51.100.1', comment: 'drawbridge s' });
    expect(await problems()).toEqual([]);
  });

  it('is named where a name was given to other name servers', async () => {
    await create({ type: 'NS', name, content: 'ns.elsewhere.test' });
    expect(await problems({ adoptDns: true })).toEqual([expect.stringContaining(`${name} is delegated to other name servers (NS ns.elsewhere.test)`)]);
  });

  it('is named where a tunnel has the stack’s name', async () => {
    const { id } = await tunnel();
    cloudflare.connect(id!, 'connector');
    expect(await problems()).toEqual([expect.stringMatching(/^there is a tunnel drawbridge-s already that this stack did not make \(made \d{4}-\d\d-\d\d, healthy\)/)]);
    // As an earlier run printed: the name was free then.
    const before = prepared({ tunnel: 'drawbridge-s' });
    expect(await prepare(sdk(cloudflare), wanted(), { stray: '', prepared: before })).toEqual(before);
    expect(await problems({ tier: 'host' })).toEqual([]);
  });

  it('is a record of another stack that is called the same, elsewhere in the zone, unless this one has been there before', async () => {
    await create({ type: 'A', name: 'other.example.test', content: '192.0.2.10', comment: 'drawbridge s' });
    expect(await problems()).toEqual(['A other.example.test → 192.0.2.10 is of another stack that is called s as well: give this one another name, or delete that record if nobody needs it (DNS → Records)']);
    expect(await problems({}, undefined, { stray: '', prepared: prepared() })).toEqual([]);
    expect(await problems({ hosts: [name, 'other.example.test'] })).toEqual([]);
  });

  it('is a move to another zone or account, where what is left behind would be out of reach', async () => {
    const before = { stray: '', prepared: prepared({ zone: 'former.test' }) };
    expect(await problems({}, undefined, before)).toEqual([`what the stack s has at Cloudflare is in the zone former.test of the account ${cloudflare.accountId}, and cannot move to example.test of ${cloudflare.accountId}: set those again and remove it there (\`up\` in tier host without drawbridge:cloudflare, or destroy the stack), and then set these`]);
  });

  it('is not the tunnel that the stack had before it was to change tiers, even if that did not come to an end', async () => {
    const api = sdk(cloudflare);
    const first = await prepare(api, wanted(), { stray: '' });
    cloudflare.connect((await tunnel()).id!, 'connector');
    const onHost = await prepare(api, wanted({ tier: 'host' }), { stray: '', prepared: first });
    expect(await prepare(api, wanted(), { stray: '', prepared: onHost })).toEqual(first);
  });
});

it('says everything that is wrong at once', async () => {
  await create({ type: 'A', name, content: '198.51.100.1' });
  await tunnel();
  cloudflare.changeZone('example.test', { paused: true });
  const found = await problems({ hosts: [name, 'a.b.example.test', 'example.org'] }, cloudflare.tokenWith(['Zone Read', 'DNS Read', 'Cloudflare Tunnel Read']));
  expect(found).toEqual([
    expect.stringContaining('a.b.example.test is 2 labels under'),
    expect.stringContaining('example.org is not in the zone'),
    expect.stringContaining('Cloudflare is paused'),
    ...['DNS', 'Cloudflare Tunnel', 'Cache Rules', 'Zone WAF', 'Bot Management'].map((group) => expect.stringContaining(` → ${group} → Edit`)),
    expect.stringContaining('198.51.100.1 was made by somebody else'),
    expect.stringContaining('a tunnel drawbridge-s already'),
  ]);
  expect(cloudflare.leftovers()).toEqual([`tunnel drawbridge-s`, `record A ${name}`]);
});

