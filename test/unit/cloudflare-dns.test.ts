import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyDns, removeDns } from '../../cloudflare/dns/change.ts';
import type { WantedRecord } from '../../cloudflare/dns/records.ts';
import { sdk } from '../cloudflare/sdk.ts';
import { CloudflareSimulation } from '../cloudflare/simulation.ts';

/** What `cloudflare/dns.ts` does, against the simulation of Cloudflare's API. */
let cloudflare: CloudflareSimulation;
beforeEach(async () => void (cloudflare = await CloudflareSimulation.start()));
afterEach(() => cloudflare.stop());

const name = 'mcp.example.test';
const A: WantedRecord = { type: 'A', name, content: '192.0.2.10', proxied: false };
const AAAA: WantedRecord = { type: 'AAAA', name, content: '2001:db8::10', proxied: false };
const CNAME: WantedRecord = { type: 'CNAME', name, content: 'f0e1d2c3.cfargotunnel.com', proxied: true };
const comment = 'drawbridge s';

/** For how long each change would have waited, in seconds. */
const waited: number[] = [];
const apply = (records: WantedRecord[], more = {}, earlier?: string) => applyDns(sdk(cloudflare), { stack: 's', zone: 'example.test', adoptDns: false, records, ...more }, earlier, async (seconds) => void waited.push(seconds));
const remove = () => removeDns(sdk(cloudflare), { stack: 's', zone: 'example.test' });
const create = (record: object) => sdk(cloudflare).dns.records.create({ zone_id: cloudflare.zoneId('example.test'), ttl: 1, ...record } as never);
const records = () => [...cloudflare.records('example.test')].sort((one, other) => one.type.localeCompare(other.type));
const writes = () => cloudflare.calls.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path.replace(/^\/zones\/\w+/, '')}`);

describe('the records of the public names', () => {
  it('are made with the stack’s mark; for 60 seconds where clients see the address of a host, so that a change of tiers is soon seen', async () => {
    expect(await apply([A, AAAA])).toBe(`DNS: A ${name} → 192.0.2.10, AAAA ${name} → 2001:db8::10.`);
    expect(records()).toMatchObject([{ ...A, ttl: 60, comment }, { ...AAAA, ttl: 60, comment }]);
  });

  it('change from addresses to a tunnel by one call that takes effect as a whole, and back', async () => {
    await apply([A, AAAA]);
    await apply([CNAME]);
    expect(records()).toMatchObject([{ ...CNAME, ttl: 1, comment }]);
    await apply([A, AAAA]);
    expect(records()).toMatchObject([A, AAAA]);
    expect(writes()).toEqual(['POST /dns_records/batch', 'POST /dns_records/batch', 'POST /dns_records/batch']);
  });

  it('are not over with the call: what they led to serves on for as long as resolvers may know them, and nothing waits where there was nothing', async () => {
    waited.length = 0;
    await apply([A, AAAA]);
    await apply([A]);
    expect(waited).toEqual([]);
    await apply([CNAME]);
    await apply([A]);
    await apply([{ ...A, content: '192.0.2.11' }]);
    expect(waited).toEqual([60, 300, 60]);
  });

  it('are waited for as well by the run after one that was cut off once they were changed', async () => {
    const earlier = await apply([CNAME]);
    await apply([A]);
    waited.length = 0;
    const now = await apply([A], {}, earlier);
    expect(waited).toEqual([300]);
    await apply([A], {}, now);
    await apply([A]);
    expect(waited).toEqual([300]);
  });

  it('are waited for where one of somebody else is taken over, which may have led to the same host', async () => {
    await create({ type: 'A', name, content: '192.0.2.10', ttl: 3600 });
    waited.length = 0;
    await apply([CNAME], { adoptDns: true });
    expect(waited).toEqual([300]);
  });

  it('are left alone when they are as wanted, however they are written', async () => {
    await apply([A, AAAA]);
    const before = records();
    await apply([{ ...A, name: 'MCP.Example.test.' }, { ...AAAA, content: '2001:DB8:0::10' }]);
    expect(records()).toEqual(before);
    expect(writes()).toHaveLength(1);
  });

  it('keep what did not change: one more address, another one, or whether they are proxied', async () => {
    await apply([A]);
    const [{ id } = { id: '' }] = records();
    await apply([A, AAAA]);
    expect(records()).toMatchObject([{ ...A, id }, AAAA]);
    await apply([{ ...A, proxied: true }]);
    expect(records()).toMatchObject([{ ...A, id, proxied: true, ttl: 1 }]);
  });

  it('go from names that are not wanted any more', async () => {
    await apply([A]);
    await apply([{ ...A, name: 'other.example.test' }]);
    expect(records()).toMatchObject([{ ...A, name: 'other.example.test' }]);
  });
});

describe('records of others', () => {
  it('are named, and nothing is changed', async () => {
    await create({ ...A, content: '198.51.100.1' });
    await create({ ...A, name: 'second.example.test', comment: 'drawbridge other' });
    const before = records();
    await expect(apply([CNAME, { ...CNAME, name: 'second.example.test' }])).rejects.toThrow(
      [
        'DNS was not changed:',
        `  - A ${name} → 198.51.100.1 was made by somebody else: delete it in Cloudflare’s dashboard (DNS → Records), or set adoptDns in drawbridge:cloudflare to true to have it replaced`,
        '  - A second.example.test → 192.0.2.10 was made by the stack other: delete it in Cloudflare’s dashboard (DNS → Records), or set adoptDns in drawbridge:cloudflare to true to have it replaced',
      ].join('\n'),
    );
    expect(records()).toEqual(before);
  });

  it('are taken over with adoptDns: replaced in the same call, and the stack’s from then on', async () => {
    await create({ ...A, content: '198.51.100.1' });
    await create(AAAA);
    expect(await apply([CNAME], { adoptDns: true })).toContain(`Taken over: A ${name} → 198.51.100.1. Taken over: AAAA ${name} → 2001:db8::10.`);
    expect(records()).toMatchObject([{ ...CNAME, comment }]);
    await remove();
    expect(cloudflare.leftovers()).toEqual([]);
  });

  it('are taken over as they are if they already lead to the right place', async () => {
    await create({ ...A, ttl: 300 });
    const [{ id } = { id: '' }] = records();
    await apply([A], { adoptDns: true });
    expect(records()).toMatchObject([{ ...A, id, ttl: 60, comment }]);
  });

  it('stay that do not decide where a name leads, and those of other names and stacks', async () => {
    await create({ type: 'TXT', name, content: '"v=spf1 -all"' });
    await create({ ...A, name: 'www.example.test' });
    await create({ ...A, name: 'of-s-b.example.test', comment: 'drawbridge s-b' });
    await create({ ...A, name: 'of-capital-s.example.test', comment: 'drawbridge S' });
    const before = records();
    await apply([CNAME], { adoptDns: true });
    expect(await remove()).toBe(`DNS: removed CNAME ${name} → ${CNAME.content}`);
    expect(records()).toEqual(before);
  });
});

describe('when something is wrong', () => {
  it('removes again what is already gone', async () => {
    expect(await remove()).toBe('DNS: nothing of the stack was left');
  });

  it('says in Cloudflare’s words what was refused, and changes nothing', async () => {
    await apply([A]);
    const before = records();
    await expect(apply([{ ...A, content: 'nonsense' }])).rejects.toThrow('changing the DNS records of example.test: Cloudflare answered 400: Content for A record must be a valid IPv4 address. (code 9005).');
    expect(records()).toEqual(before);
  });

  it('says what to do when the token sees no such zone', async () => {
    await expect(apply([A], { zone: 'elsewhere.test' })).rejects.toThrow(/^the token sees no zone elsewhere\.test: under “Zone Resources” it has to include it/);
  });
});
