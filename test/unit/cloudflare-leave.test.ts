import Cloudflare from 'cloudflare';
import { afterEach, beforeEach, expect, it } from 'vitest';
import * as program from '../../cloudflare/account/leave.ts';
import type { Prepared } from '../../cloudflare/account/prepare.ts';
import type { Wanted } from '../../cloudflare/account/wanted.ts';
import { applyDns } from '../../cloudflare/dns/change.ts';
import { applyRules } from '../../cloudflare/rules/act.ts';
import { ALL_PERMISSIONS, sdk } from '../cloudflare/sdk.ts';
import { CloudflareSimulation } from '../cloudflare/simulation.ts';

/** What `cloudflare/account.ts leave` does, against the simulation of Cloudflare's API. */
let cloudflare: CloudflareSimulation;
beforeEach(async () => void (cloudflare = await CloudflareSimulation.start()));
afterEach(() => cloudflare.stop());

const name = 'mcp.example.test';
const wanted = (more: Partial<Wanted> = {}): Wanted => ({ stack: 's', accountId: cloudflare.accountId, zone: 'example.test', hosts: [name], tier: 'tunnel', adoptDns: false, manageBotSettings: false, rules: false, ...more });
/** As `prepare` said it of a stack behind a tunnel. */
const prepared = (): Prepared => ({ zone: 'example.test', accountId: cloudflare.accountId, tunnel: 'drawbridge-s' });
const leave = (api: Cloudflare, what: Wanted, before: Prepared | undefined = prepared()) => program.leave(api, what, before);
const record = (stack: string, host = name) => applyDns(sdk(cloudflare), { stack, zone: 'example.test', adoptDns: false, records: [{ type: 'A', name: host, content: '192.0.2.10', proxied: false }] });
const rules = (stack: string) => applyRules(sdk(cloudflare), { stack, zone: 'example.test', bypassCache: [{ host: name, path: '/mcp', match: 'exact' }] });
const tunnel = (stack: string) => sdk(cloudflare).zeroTrust.tunnels.cloudflared.create({ account_id: cloudflare.accountId, name: `drawbridge-${stack}`, config_src: 'cloudflare' });

it('removes tunnel, records and rules, also of a tunnel whose connectors were only just stopped', async () => {
  const { id } = await tunnel('s');
  cloudflare.connect(id!, 'connector');
  await record('s');
  await rules('s');
  expect(await leave(sdk(cloudflare), wanted())).toBe(`DNS: removed A ${name} → 192.0.2.10; tunnels: removed drawbridge-s`);
  expect(cloudflare.leftovers()).toEqual([]);
});

it('touches nothing of a stack whose name begins alike, or is written in another case', async () => {
  for (const stack of ['s-b', 'S', 's-stray-b']) {
    await tunnel(stack);
    await record(stack, `${stack}.example.test`);
    await rules(stack);
  }
  const before = cloudflare.leftovers();
  await leave(sdk(cloudflare), wanted());
  expect(cloudflare.leftovers()).toEqual(before);
});

it('says that a connector still runs', async () => {
  const { id } = await tunnel('s');
  cloudflare.connect(id!, 'connector');
  cloudflare.events.on('cleanup', () => cloudflare.connect(id!, 'connector'));
  await expect(leave(sdk(cloudflare), wanted())).rejects.toThrow(
    'deleting the tunnel drawbridge-s: Cloudflare answered 400: Cannot delete tunnel because it has active connections (code 1022). A connector (cloudflared) still runs with its token: stop it, and run this again.',
  );
});

it('fails, naming it, if something is still there in spite of all', async () => {
  await record('s');
  await rules('s');
  const { id } = await tunnel('s');
  // Says that everything went well, and does nothing.
  const polite: typeof fetch = async (url, init) => (!init?.method || /get/i.test(init.method) ? fetch(url, init) : Response.json({ success: true, result: {} }));
  const api = new Cloudflare({ apiToken: cloudflare.tokenWith(ALL_PERMISSIONS), baseURL: cloudflare.url, fetch: polite });
  await expect(leave(api, wanted())).rejects.toThrow(
    ['This is still there of the stack s; run it again:', `  - the DNS record A ${name} → 192.0.2.10`, '  - the rule “drawbridge s: answers that are never kept” of the zone example.test', `  - the tunnel drawbridge-s (${id})`].join('\n'),
  );
});

it('needs permissions for DNS only on a host of one’s own, and all of them with a tunnel', async () => {
  const dns = sdk(cloudflare, cloudflare.tokenWith(['Zone Read', 'DNS Write']));
  await record('s');
  await expect(leave(dns, wanted())).rejects.toThrow('Cloudflare answered 403');
  await record('s');
  expect(await leave(dns, wanted({ tier: 'host' }))).toBe(`DNS: removed A ${name} → 192.0.2.10; tunnels: the token may not look whether drawbridge-s is gone, as it should be since the change of tiers`);
});

it('touches nothing where it was never prepared, or was never behind a tunnel: what bears its name is that of another stack so called', async () => {
  await tunnel('s');
  await record('s');
  await rules('s');
  const before = cloudflare.leftovers();
  expect(await program.leave(sdk(cloudflare), wanted(), undefined)).toBe('nothing was made');
  expect(cloudflare.leftovers()).toEqual(before);
  const { zone, accountId } = prepared();
  await leave(sdk(cloudflare), wanted({ tier: 'host' }), { zone, accountId });
  expect(cloudflare.leftovers()).toEqual(before.filter((one) => !one.startsWith('record')));
});

it('does not take a zone that it cannot see for one in which nothing is left', async () => {
  await expect(leave(sdk(cloudflare, cloudflare.tokenWith(['DNS Write'])), wanted())).rejects.toThrow('the token sees no zone example.test');
});
