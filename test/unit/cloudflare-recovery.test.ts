import type Cloudflare from 'cloudflare';
import { describe, expect, it } from 'vitest';
import { leave } from '../../cloudflare/account/leave.ts';
import { prepare, type Prepared } from '../../cloudflare/account/prepare.ts';
import type { Wanted } from '../../cloudflare/account/wanted.ts';
import { applyDns, removeDns } from '../../cloudflare/dns/change.ts';
import type { WantedRecord } from '../../cloudflare/dns/records.ts';
import { applyRules } from '../../cloudflare/rules/act.ts';
import { findStray } from '../../cloudflare/stray.ts';
import { deleteTunnels } from '../../cloudflare/tunnel/tunnels.ts';
import type { Fault } from '../cloudflare/faults.ts';
import { ALL_PERMISSIONS, sdk } from '../cloudflare/sdk.ts';
import { CloudflareSimulation } from '../cloudflare/simulation.ts';

/** Each call to the simulation of Cloudflare's API goes wrong in turn, in each way, and the program is simply run again. */
const FAULTS: Fault[] = [{ status: 500 }, { cut: 'before' }, { cut: 'after' }];
const name = 'mcp.example.test';
const HOST: WantedRecord[] = [
  { type: 'A', name, content: '192.0.2.10', proxied: false },
  { type: 'AAAA', name, content: '2001:db8::10', proxied: false },
];
const TUNNEL: WantedRecord[] = [{ type: 'CNAME', name, content: 'f0e1d2c3.cfargotunnel.com', proxied: true }];

interface Room {
  cloudflare: CloudflareSimulation;
  api: Cloudflare;
  wanted: Wanted;
}
type Step = (room: Room) => Promise<unknown>;

const dns = (records: WantedRecord[]): Step => ({ api }) => applyDns(api, { stack: 's', zone: 'example.test', adoptDns: false, records }, '', async () => {});
const rules: Step = ({ api }) => applyRules(api, { stack: 's', zone: 'example.test', bypassCache: [{ host: name, path: '/mcp', match: 'exact' }], callers: { networks: ['192.0.2.0/24'], paths: [{ host: name, path: '/mcp' }] } });
const ownTunnel = (stack: string): Step => async ({ api, wanted: { accountId: account_id } }) => {
  const { id } = await api.zeroTrust.tunnels.cloudflared.create({ account_id, name: `drawbridge-${stack}`, config_src: 'cloudflare' });
  await api.zeroTrust.tunnels.cloudflared.configurations.update(id!, { account_id, config: { ingress: [{ hostname: '', service: 'http_status:404' }] } });
};
/** A tunnel whose creation was cut off after its effect. */
const cutTunnel: Step = ({ api, wanted: { accountId: account_id } }) => api.zeroTrust.tunnels.cloudflared.create({ account_id, name: 'drawbridge-s', config_src: 'cloudflare' });
const connected: Step = async ({ cloudflare, api, wanted: { accountId: account_id } }) => {
  for await (const { id, name } of api.zeroTrust.tunnels.cloudflared.list({ account_id })) if (name === 'drawbridge-s') cloudflare.connect(id!, 'connector');
};
/** As an earlier run said it. */
const preparedOf = ({ zone, accountId }: Wanted): Prepared => ({ zone, accountId, tunnel: 'drawbridge-s' });
/** As a run does it: the program looks for a stray, and `prepare` gets it. */
const preparation: Step = async ({ cloudflare, api, wanted }) => {
  const stray = await findStray({ token: cloudflare.tokenWith(ALL_PERMISSIONS), baseUrl: cloudflare.url, accountId: wanted.accountId, stack: 's' });
  await prepare(api, wanted, { stray, prepared: preparedOf(wanted) });
};

/** What somebody else has in the same account and zone. */
async function neighbours({ cloudflare, api, wanted }: Room): Promise<void> {
  const zone_id = cloudflare.zoneId('example.test');
  await api.dns.records.create({ zone_id, type: 'A', name: 'www.example.test', content: '198.51.100.1', ttl: 1 });
  await api.dns.records.create({ zone_id, type: 'TXT', name, content: '"theirs"', ttl: 1 });
  await applyDns(api, { stack: 's-b', zone: 'example.test', adoptDns: false, records: [{ ...HOST[0]!, name: 'b.example.test' }] });
  await api.rulesets.create({ zone_id, kind: 'zone', name: 'theirs', phase: 'http_request_cache_settings', rules: [{ action: 'set_cache_settings', expression: 'true', description: 'theirs' }] });
  await ownTunnel('s-b')({ cloudflare, api, wanted });
}

/** Everything there is, without what differs between simulations. */
const everything = ({ cloudflare }: Room): string[] => [
  ...cloudflare.leftovers(),
  ...cloudflare.records('example.test').map(({ type, name, content, ttl, proxied, comment }) => [type, name, content, ttl, proxied, comment].join(' ')),
].map((one) => one.replace(/stray-\w+/, 'stray-…')).sort();

async function inRoom<T>(befores: Step[], act: (room: Room) => Promise<T>): Promise<T> {
  const cloudflare = await CloudflareSimulation.start();
  try {
    const wanted: Wanted = { stack: 's', accountId: cloudflare.accountId, zone: 'example.test', hosts: [name], tier: 'tunnel', adoptDns: false, manageBotSettings: true, rules: true };
    const room = { cloudflare, wanted, api: sdk(cloudflare) };
    for (const before of [neighbours, ...befores]) await before(room);
    return await act(room);
  } finally {
    await cloudflare.stop();
  }
}

/** What is there when nothing goes wrong, and how many calls it takes. */
const undisturbed = (befores: Step[], step: Step) =>
  inRoom(befores, async (room) => {
    const before = room.cloudflare.calls.length;
    await step(room);
    return { there: everything(room), calls: room.cloudflare.calls.length - before };
  });

const others = await inRoom([], async (room) => everything(room));

describe.each<[string, Step[], Step]>([
  ['the first records are made', [], dns(HOST)],
  ['the tier changes to a tunnel', [dns(HOST)], dns(TUNNEL)],
  ['the tier changes to a host', [dns(TUNNEL)], dns(HOST)],
  ['the records go', [dns(HOST)], ({ api }) => removeDns(api, { stack: 's', zone: 'example.test' })],
  ['the account is looked at', [], preparation],
  ['a tunnel’s creation was cut off', [cutTunnel], preparation],
  ['a stray is deleted', [cutTunnel, preparation, ownTunnel('s')], preparation],
  ['the tunnels go', [ownTunnel('s'), connected], ({ api, wanted: { accountId, stack } }) => deleteTunnels(api, accountId, stack)],
  ['the stack leaves', [dns(TUNNEL), rules, cutTunnel, preparation, ownTunnel('s'), connected], ({ api, wanted }) => leave(api, wanted, preparedOf(wanted))],
])('while %s', { timeout: 120_000 }, (_, befores, step) => {
  const goingWell = undisturbed(befores, step);
  it.each(FAULTS)('nothing is lost or left behind, whichever call ends with %j', async (fault) => {
    const { there, calls } = await goingWell;
    expect(calls).toBeGreaterThan(1);
    for (let call = 1; call <= calls; call += 1) {
      await inRoom(befores, async (room) => {
        room.cloudflare.faults.failAt(call, fault);
        // Another fault than the one that is made on purpose would be one of the program.
        await step(room).catch((error: Error) => expect(error.message, `call ${call}`).toMatch(/Cloudflare answered 500|the connection to Cloudflare’s API failed/));
        expect(room.cloudflare.faults.met, `call ${call}`).toBe(1);
        room.cloudflare.faults.clear();
        await step(room);
        expect(everything(room), `call ${call}`).toEqual(there);
        await leave(room.api, room.wanted, preparedOf(room.wanted));
        expect(everything(room), `call ${call}`).toEqual(others);
      });
    }
  });
});
