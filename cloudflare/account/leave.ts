import type Cloudflare from 'cloudflare';
import { CloudflareError } from '../api.ts';
import { removeDns } from '../dns/change.ts';
import { inWords, recordsOf } from '../dns/records.ts';
import { removeRules, rulesOf } from '../rules/act.ts';
import { deleteTunnels, tunnelsOf } from '../tunnel/tunnels.ts';
import { zoneSeen } from '../zone.ts';
import type { Prepared } from './prepare.ts';
import type { Wanted } from './wanted.ts';

/**
 * Removes whatever of the stack is still in the account, and asks afterwards.
 * @param prepared what the stack was prepared with. One that never was has made nothing: what bears its name is somebody else's
 * @throws CloudflareError that names what is still there
 */
export async function leave(api: Cloudflare, wanted: Wanted, prepared: Prepared | undefined): Promise<string> {
  if (!prepared) return 'nothing was made';
  const { stack, zone, accountId, rules } = wanted;
  const records = await removeDns(api, wanted);
  // Without a tunnel there were never rules either.
  const behindTunnel = prepared.tunnel !== undefined;
  if (behindTunnel) await ifPermitted(wanted, () => removeRules(api, { stack, zone, ...(rules && { callers: NOBODY }) }));
  const tunnels = behindTunnel ? await ifPermitted(wanted, () => deleteTunnels(api, accountId, stack)) : [];
  const left = await leftovers(api, wanted, behindTunnel);
  if (left.length > 0) throw new CloudflareError([`This is still there of the stack ${stack}; run it again:`, ...left.map((one) => `  - ${one}`)].join('\n'));
  if (!tunnels) return `${records}; tunnels: the token may not look whether ${prepared.tunnel} is gone, as it should be since the change of tiers`;
  return `${records}; tunnels: ${tunnels.length > 0 ? `removed ${tunnels.join(', ')}` : 'none was left'}`;
}

/** A list of callers, whoever they are: there may be a rule for it. */
const NOBODY = { networks: [], paths: [] };

async function leftovers(api: Cloudflare, wanted: Wanted, behindTunnel: boolean): Promise<string[]> {
  const { stack, accountId } = wanted;
  const zone = await zoneSeen(api, wanted.zone);
  const records = await recordsOf(api, zone.id, stack);
  const tunnels = behindTunnel ? await ifPermitted(wanted, () => tunnelsOf(api, accountId, stack)) : [];
  const rules = behindTunnel ? await ifPermitted(wanted, () => rulesOf(api, zone, { stack, ...(wanted.rules && { callers: NOBODY }) })) : [];
  return [
    ...records.map((record) => `the DNS record ${inWords(record)}`),
    ...(rules ?? []).map((rule) => `the rule “${rule}” of the zone ${zone.name}`),
    ...(tunnels ?? []).map(({ name, id }) => `the tunnel ${name} (${id})`),
  ];
}

/** On a host of its own a stack's token need be for DNS only: the tunnel of before went with the change of tiers. */
async function ifPermitted<T>({ tier }: Wanted, act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    if (tier === 'host' && error instanceof CloudflareError && error.denied) return undefined;
    throw error;
  }
}
