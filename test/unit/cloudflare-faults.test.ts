import type Cloudflare from 'cloudflare';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ALL_PERMISSIONS, type Permission } from '../cloudflare/permissions.ts';
import { refusal, sdk } from '../cloudflare/sdk.ts';
import { CloudflareSimulation } from '../cloudflare/simulation.ts';

/** How the simulation of Cloudflare's API refuses and fails. */
let cloudflare: CloudflareSimulation;
let account_id: string;
let zone_id: string;
beforeEach(async () => {
  cloudflare = await CloudflareSimulation.start({ zones: ['example.test', 'other.test'] });
  account_id = cloudflare.accountId;
  zone_id = cloudflare.zoneId('example.test');
});
afterEach(() => cloudflare.stop());

const phase = 'http_request_cache_settings';
const record = { name: 'a', ttl: 1, type: 'A', content: '192.0.2.1' } as const;
const tunnel = { name: 'drawbridge', config_src: 'cloudflare' } as const;
const lacks = refusal(403, 10000, 'Authentication error');

describe('permissions', () => {
  const denials: [Permission, string, (api: Cloudflare) => Promise<unknown>, unknown][] = [
    ['Account Settings Read', 'the account', (api) => api.accounts.get({ account_id }), refusal(403, 9109, 'Unauthorized to access requested resource')],
    ['Zone Read', 'the zone', (api) => api.zones.get({ zone_id }), refusal(403, 9109, 'Unauthorized to access requested resource')],
    ['Cloudflare Tunnel Write', 'tunnels', (api) => api.zeroTrust.tunnels.cloudflared.create({ account_id, ...tunnel }), lacks],
    ['DNS Write', 'records', (api) => api.dns.records.create({ zone_id, ...record }), lacks],
    ['Bot Management Write', 'bot settings', (api) => api.botManagement.get({ zone_id }), lacks],
    ['SSL and Certificates Read', 'certificates', async (api) => (await api.ssl.certificatePacks.list({ zone_id })).result, lacks],
    ['Zone Settings Write', 'settings', (api) => api.zones.settings.get('ssl', { zone_id }), refusal(403, 9109)],
    ['Cache Settings Write', 'cache rules', (api) => api.rulesets.create({ zone_id, kind: 'zone', name: 'x', phase }), refusal(403, undefined, 'request is not authorized')],
    ['Zone WAF Write', 'custom rules', (api) => api.rulesets.create({ zone_id, kind: 'zone', name: 'x', phase: 'http_request_firewall_custom' }), refusal(403, undefined, 'request is not authorized')],
  ];

  it.each(denials)('%s is what it takes for %s', async (permission, _what, act, denied) => {
    await expect(act(sdk(cloudflare, cloudflare.tokenWith(ALL_PERMISSIONS.filter((other) => other !== permission))))).rejects.toEqual(denied);
    await act(sdk(cloudflare, cloudflare.tokenWith([permission])));
  });

  it('reads with a permission to read, and writes with none', async () => {
    const api = sdk(cloudflare, cloudflare.tokenWith(['DNS Read', 'Cloudflare Tunnel Read']));
    expect((await api.dns.records.list({ zone_id })).result).toEqual([]);
    await expect(api.dns.records.create({ zone_id, ...record })).rejects.toEqual(lacks);
    const { id } = await sdk(cloudflare).zeroTrust.tunnels.cloudflared.create({ account_id, ...tunnel });
    // A tunnel's token lets one in: reading it takes the permission to write.
    await expect(api.zeroTrust.tunnels.cloudflared.token.get(id!, { account_id })).rejects.toEqual(lacks);
  });

  it('is of zones: others are not listed, and are refused', async () => {
    const api = sdk(cloudflare, cloudflare.tokenWith(ALL_PERMISSIONS, { zones: ['other.test'] }));
    expect((await api.zones.list()).result).toMatchObject([{ name: 'other.test' }]);
    await expect(api.dns.records.list({ zone_id })).rejects.toEqual(lacks);
    await expect(api.zones.get({ zone_id })).rejects.toEqual(refusal(403, 9109));
  });

  it('lists no zone to a token that may not read zones', async () => {
    expect((await sdk(cloudflare, cloudflare.tokenWith(['DNS Write'])).zones.list({ name: 'example.test' })).result).toEqual([]);
  });

  it('knows no token that was revoked, and refuses a header that is none', async () => {
    const token = cloudflare.tokenWith(ALL_PERMISSIONS);
    cloudflare.revoke(token);
    const api = sdk(cloudflare, token);
    await expect(api.user.tokens.verify()).rejects.toEqual(refusal(401, 1000, 'Invalid API Token'));
    await expect(api.zones.get({ zone_id })).rejects.toEqual(refusal(403, 9109, 'Invalid access token'));
    await expect(api.dns.records.list({ zone_id })).rejects.toEqual(refusal(401, 10000));
    await expect(sdk(cloudflare, 'short').user.tokens.verify()).rejects.toEqual(refusal(400, 6003, 'Invalid request headers'));
    expect(await (await fetch(`${cloudflare.url}/zones`)).json()).toMatchObject({ success: false, errors: [{ code: 9106 }], messages: [], result: null });
  });

  it('has no route for what is not there, and for no malformed id', async () => {
    const api = sdk(cloudflare);
    await expect(api.zones.get({ zone_id: 'example.test' })).rejects.toEqual(refusal(404, 7003, 'perhaps your object identifier is invalid?'));
    await expect(api.kv.namespaces.list({ account_id })).rejects.toEqual(refusal(400, 7000, 'No route for that URI'));
  });
});

describe('faults', () => {
  const records = () => cloudflare.records('example.test').length;
  const create = (maxRetries?: number) => sdk(cloudflare, undefined, maxRetries).dns.records.create({ zone_id, ...record });

  it('fails the next call that matches, as often as told', async () => {
    cloudflare.faults.failNext(/^POST .*\/dns_records$/, { status: 500 }, 2);
    expect((await sdk(cloudflare).zones.list()).result).toHaveLength(2);
    await expect(create()).rejects.toMatchObject({ status: 500 });
    await expect(create()).rejects.toMatchObject({ status: 500 });
    expect(cloudflare.faults.met).toBe(2);
    await create();
  });

  it('fails the n-th call, and those that repeat it', async () => {
    cloudflare.faults.failAt(2, { status: 503 }, 2);
    await sdk(cloudflare).zones.get({ zone_id });
    await expect(create()).rejects.toMatchObject({ status: 503 });
    await sdk(cloudflare).zones.get({ zone_id });
    await expect(create()).rejects.toMatchObject({ status: 503 });
    expect(cloudflare.faults.met).toBe(2);
    cloudflare.faults.clear();
    cloudflare.faults.failAt(2, { status: 503 });
    await create();
    expect(cloudflare.faults.met).toBe(0);
  });

  it('says when to come again, and the SDK does', async () => {
    cloudflare.faults.failNext(/^POST/, { status: 429, retryAfter: 1 });
    const begun = Date.now();
    await create(1);
    expect(Date.now() - begun).toBeGreaterThanOrEqual(990);
    expect(cloudflare.calls.map(({ status }) => status)).toEqual([429, 200]);
  });

  it('cuts the connection before a call takes effect, or after it did', async () => {
    cloudflare.faults.failNext(/^POST/, { cut: 'before' });
    await expect(create()).rejects.toThrow('Connection error');
    expect(records()).toBe(0);
    cloudflare.faults.failNext(/^POST/, { cut: 'after' });
    await expect(create()).rejects.toThrow('Connection error');
    expect(records()).toBe(1);
  });

  it('keeps a journal of calls in which no token stands', async () => {
    const token = cloudflare.tokenWith(ALL_PERMISSIONS);
    const api = sdk(cloudflare, token);
    cloudflare.faults.failNext(/^DELETE/, { cut: 'before' });
    const { id } = await api.dns.records.create({ zone_id, ...record });
    await api.dns.records.delete(id, { zone_id }).catch(() => {});
    await api.dns.records.list({ zone_id, type: 'A' });
    expect(cloudflare.calls).toEqual([
      { method: 'POST', path: `/zones/${zone_id}/dns_records`, status: 200 },
      { method: 'DELETE', path: `/zones/${zone_id}/dns_records/${id}`, status: 'cut' },
      { method: 'GET', path: `/zones/${zone_id}/dns_records?type=A`, status: 200 },
    ]);
    expect(JSON.stringify(cloudflare.calls)).not.toContain(token);
  });
});
