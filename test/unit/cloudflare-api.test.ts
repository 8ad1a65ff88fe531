import type Cloudflare from 'cloudflare';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { all, refusal, sdk } from '../cloudflare/sdk.ts';
import { CloudflareSimulation } from '../cloudflare/simulation.ts';

/** The simulation of Cloudflare's API, driven by Cloudflare's own SDK. */
let cloudflare: CloudflareSimulation;
let account_id: string;
let zone_id: string;
let api: Cloudflare;
beforeEach(async () => {
  cloudflare = await CloudflareSimulation.start({ zones: ['example.test', 'other.test'] });
  account_id = cloudflare.accountId;
  zone_id = cloudflare.zoneId('example.test');
  api = sdk(cloudflare);
});
afterEach(() => cloudflare.stop());

describe('accounts, zones and tokens', () => {
  it('verifies a token of a user and one of an account, each at its own address', async () => {
    expect(await api.user.tokens.verify()).toEqual({ id: expect.stringMatching(/^[0-9a-f]{32}$/), status: 'active' });
    const ofAccount = sdk(cloudflare, cloudflare.tokenWith([], { owner: 'account' }));
    expect(await ofAccount.accounts.tokens.verify({ account_id })).toMatchObject({ status: 'active' });
    await expect(ofAccount.user.tokens.verify()).rejects.toEqual(refusal(401, 1000, 'Invalid API Token'));
    await expect(api.accounts.tokens.verify({ account_id })).rejects.toEqual(refusal(401, 1000));
  });

  it('tells the account, and finds a zone by its name', async () => {
    expect(await api.accounts.get({ account_id })).toMatchObject({ id: account_id, type: 'standard' });
    const found = await api.zones.list({ name: 'example.test' });
    expect(found.result).toMatchObject([{ id: zone_id, name: 'example.test', status: 'active', account: { id: account_id }, plan: { legacy_id: 'free' } }]);
    expect((await api.zones.list({ name: 'example.org' })).result).toEqual([]);
    expect(await api.zones.get({ zone_id })).toMatchObject({ name: 'example.test' });
  });

  it('gives lists in pages', async () => {
    const first = await api.zones.list({ per_page: 1 });
    expect(first.result_info).toMatchObject({ page: 1, per_page: 1, count: 1, total_count: 2, total_pages: 2 });
    expect((await all(api.zones.list({ per_page: 1 }))).map(({ name }) => name)).toEqual(['example.test', 'other.test']);
  });

  it('covers the zone and one label under it with the universal certificate', async () => {
    const packs = await all(api.ssl.certificatePacks.list({ zone_id }));
    expect(packs).toMatchObject([{ type: 'universal', status: 'active', hosts: ['example.test', '*.example.test'] }]);
  });

  it('keeps settings of a zone', async () => {
    expect(await api.zones.settings.get('security_level', { zone_id })).toMatchObject({ id: 'security_level', value: 'medium' });
    await api.zones.settings.edit('security_level', { zone_id, value: 'under_attack' });
    expect(cloudflare.settings('example.test')).toMatchObject({ security_level: 'under_attack' });
  });
});

describe('tunnels', () => {
  const tunnels = () => api.zeroTrust.tunnels.cloudflared;
  const create = (name = 'drawbridge') => tunnels().create({ account_id, name, config_src: 'cloudflare' });
  const get = (id: string) => tunnels().get(id, { account_id });
  const remove = (id: string) => tunnels().delete(id, { account_id });

  it('creates one, and refuses a second of the same name until the first is deleted', async () => {
    const tunnel = await create();
    expect(tunnel).toMatchObject({ name: 'drawbridge', account_tag: account_id, config_src: 'cloudflare', status: 'inactive', deleted_at: null, connections: [] });
    await expect(create()).rejects.toEqual(refusal(409, 1013, 'You already have a tunnel with this name'));
    await remove(tunnel.id!);
    expect((await create()).id).not.toBe(tunnel.id);
  });

  it('still answers for a deleted tunnel, and lists it unless told otherwise', async () => {
    const tunnel = await create();
    await remove(tunnel.id!);
    expect(await get(tunnel.id!)).toMatchObject({ deleted_at: expect.any(String) });
    const list = async (filter: object) => (await tunnels().list({ account_id, ...filter })).result;
    expect(await list({})).toHaveLength(1);
    expect(await list({ is_deleted: false, name: 'drawbridge' })).toEqual([]);
  });

  it('lists by name, prefix and status', async () => {
    const [one, two] = [await create('a-one'), await create('b-two')];
    cloudflare.connect(two.id!, crypto.randomUUID());
    const names = async (filter: object) => (await tunnels().list({ account_id, ...filter })).result.map(({ name }) => name);
    expect(await names({ name: 'a-one' })).toEqual(['a-one']);
    expect(await names({ include_prefix: 'b-' })).toEqual(['b-two']);
    expect(await names({ exclude_prefix: 'b-' })).toEqual(['a-one']);
    expect(await names({ status: 'healthy' })).toEqual(['b-two']);
    expect(await names({ uuid: one.id })).toEqual(['a-one']);
  });

  it('does not delete one whose connectors are connected', async () => {
    const { id } = await create();
    cloudflare.connect(id!, 'connector-1');
    expect(await get(id!)).toMatchObject({ status: 'healthy', connections: { length: 4 } });
    await expect(remove(id!)).rejects.toEqual(refusal(400, 1022, 'Cannot delete tunnel because it has active connections'));
    cloudflare.disconnect(id!, 'connector-1');
    expect(await get(id!)).toMatchObject({ status: 'down', connections: [] });
    await remove(id!);
    expect(cloudflare.leftovers()).toEqual([]);
  });

  it('lists connectors, and cleans up the connections of one or of all', async () => {
    const { id } = await create();
    for (const connector of ['one', 'two', 'three']) cloudflare.connect(id!, connector);
    const connections = () => all(tunnels().connections.get(id!, { account_id }));
    expect(await connections()).toMatchObject([{ id: 'one', conns: { length: 4 } }, { id: 'two' }, { id: 'three' }]);
    const cleaned: string[][] = [];
    cloudflare.events.on('cleanup', (_, connectors) => cleaned.push(connectors));
    await tunnels().connections.delete(id!, { account_id, client_id: 'two' });
    await tunnels().connections.delete(id!, { account_id });
    expect(cleaned).toEqual([['two'], ['one', 'three']]);
    expect(await connections()).toEqual([]);
  });

  it('numbers configurations, and tells whoever listens', async () => {
    const { id } = await create();
    const { configurations } = tunnels();
    expect(await configurations.get(id!, { account_id })).toMatchObject({ tunnel_id: id, version: 0, config: null, source: 'cloudflare' });
    const heard: number[] = [];
    cloudflare.events.on('configuration', (tunnel, { version }) => heard.push(tunnel === id ? version : -1));
    const ingress = [{ hostname: 'mcp.example.test', path: '^/mcp$', service: 'http://server:8080' }, { hostname: '', service: 'http_status:404' }];
    expect(await configurations.update(id!, { account_id, config: { ingress } })).toMatchObject({ version: 1, config: { ingress } });
    await configurations.update(id!, { account_id, config: { ingress } });
    expect(await configurations.get(id!, { account_id })).toMatchObject({ version: 2, config: { ingress } });
    expect(heard).toEqual([1, 2]);
  });

  it('refuses ingress that cloudflared refuses: no catch-all at the end, or one before', async () => {
    const { id } = await create();
    const configure = (...ingress: { hostname: string; service: string }[]) => tunnels().configurations.update(id!, { account_id, config: { ingress } });
    await expect(configure({ hostname: 'a.example.test', service: 'http://a' })).rejects.toEqual(refusal(400, 1056, 'Bad Configuration: Validation failed: The last ingress rule must match all URLs'));
    await expect(configure({ hostname: '', service: 'http://a' }, { hostname: '', service: 'http://b' })).rejects.toEqual(refusal(400, 1056, 'will never be triggered'));
  });

  it('gives a token that names account and tunnel, and knows whose it is', async () => {
    const { id } = await create();
    const token = await tunnels().token.get(id!, { account_id });
    expect(JSON.parse(atob(token))).toEqual({ a: account_id, t: id, s: expect.any(String) });
    expect(cloudflare.tunnelOf(token)).toBe(id);
    await tunnels().edit(id!, { account_id, tunnel_secret: btoa('a new secret that is long enough') });
    expect(cloudflare.tunnelOf(token)).toBeUndefined();
  });
});

describe('DNS records', () => {
  const create = (record: object) => api.dns.records.create({ zone_id, ttl: 1, name: 'mcp.example.test', ...record } as Cloudflare.DNS.RecordCreateParams);
  const A = { type: 'A', content: '192.0.2.10' };
  const CNAME = { type: 'CNAME', content: 'abc.cfargotunnel.com', proxied: true };

  it('creates, gets, overwrites, changes and deletes one', async () => {
    const { id } = await create({ ...A, comment: 'mine', ttl: 300 });
    expect(await api.dns.records.get(id, { zone_id })).toMatchObject({ ...A, id, name: 'mcp.example.test', ttl: 300, proxied: false, proxiable: true, comment: 'mine', settings: {} });
    expect(await api.dns.records.edit(id, { zone_id, name: 'mcp.example.test', ttl: 300, type: 'A', content: '192.0.2.11' })).toMatchObject({ content: '192.0.2.11', comment: 'mine' });
    expect(await api.dns.records.update(id, { zone_id, name: 'mcp', ttl: 1, type: 'A', content: '192.0.2.12' })).toMatchObject({ id, name: 'mcp.example.test', ttl: 1, comment: null });
    expect(await api.dns.records.delete(id, { zone_id })).toEqual({ id });
    await expect(api.dns.records.get(id, { zone_id })).rejects.toEqual(refusal(404, 81044, 'Record does not exist'));
  });

  it('changes the type of none: that is a deletion and a creation', async () => {
    const { id } = await create(A);
    await expect(api.dns.records.update(id, { zone_id, name: 'mcp.example.test', ttl: 1, type: 'CNAME', content: CNAME.content, proxied: true })).rejects.toEqual(refusal(400, 9000, 'type cannot be changed'));
    expect(cloudflare.records('example.test')).toMatchObject([{ id, ...A }]);
  });

  it('has no addresses beside a CNAME, and no record twice', async () => {
    await create(A);
    await create({ type: 'AAAA', content: '2001:db8::1' });
    await expect(create(CNAME)).rejects.toEqual(refusal(400, 81053, 'An A, AAAA, or CNAME record with that host already exists.'));
    await expect(create(A)).rejects.toEqual(refusal(400, 81058, 'An identical record already exists.'));
    await expect(create({ ...A, proxied: true })).rejects.toEqual(refusal(400, 81057));
    await create({ ...CNAME, name: 'other.example.test' });
    await expect(create({ ...A, name: 'other.example.test' })).rejects.toEqual(refusal(400, 81054, 'A CNAME record with that host already exists.'));
  });

  it.each([
    [{ type: 'A', content: '2001:db8::1' }, 9005, 'Content for A record must be a valid IPv4 address.'],
    [{ type: 'AAAA', content: '192.0.2.1' }, 9006, 'Content for AAAA record must be a valid IPv6 address.'],
    [{ type: 'CNAME', content: '192.0.2.1' }, 9007, 'Content for CNAME record is invalid.'],
    [{ type: 'A', content: '10.0.0.1', proxied: true }, 9003, 'Target 10.0.0.1 is not allowed for a proxied record.'],
    [{ type: 'TXT', content: '"a"', proxied: true }, 9004, 'This record type cannot be proxied.'],
    [{ ...A, ttl: 30 }, 9021, 'Invalid TTL'],
  ])('refuses %j with %i', async (record, code, message) => {
    await expect(create(record)).rejects.toEqual(refusal(400, code, message));
  });

  it('keeps no time to live for what is proxied', async () => {
    expect(await create({ ...CNAME, ttl: 3600 })).toMatchObject({ ttl: 1 });
  });

  it('lists by name, type and content', async () => {
    await create(A);
    await create({ type: 'AAAA', content: '2001:db8::1' });
    await create({ ...A, name: 'a.example.test' });
    const found = async (filter: object) => (await api.dns.records.list({ zone_id, ...filter })).result.map(({ type, name }) => `${type} ${name}`);
    expect(await found({ name: { exact: 'mcp.example.test' } })).toEqual(['A mcp.example.test', 'AAAA mcp.example.test']);
    expect(await found({ type: 'A', content: { startswith: '192.' } })).toEqual(['A mcp.example.test', 'A a.example.test']);
    expect(await found({ name: { exact: 'a.example.test' }, type: 'AAAA', match: 'any' })).toEqual(['AAAA mcp.example.test', 'A a.example.test']);
  });

  it('does a batch in its own order, deletes first, and all or nothing', async () => {
    const { id } = await create(A);
    const posts = [{ name: 'mcp.example.test', ttl: 1 as const, type: 'CNAME' as const, content: CNAME.content, proxied: true }];
    await expect(api.dns.records.batch({ zone_id, deletes: [{ id }], posts: [...posts, { name: 'x', ttl: 1, type: 'A', content: 'nonsense' }] })).rejects.toEqual(refusal(400, 9005));
    expect(cloudflare.records('example.test')).toMatchObject([{ id, ...A }]);
    expect(await api.dns.records.batch({ zone_id, posts, deletes: [{ id }] })).toMatchObject({ deletes: [{ id }], posts: [CNAME] });
  });
});
