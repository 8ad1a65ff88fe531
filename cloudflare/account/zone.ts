import type { Zone } from 'cloudflare/resources/zones/zones';
import { noZone } from '../zone.ts';
import type { Wanted } from './wanted.ts';

/** What keeps a zone from serving the stack. */
export function zoneProblems(zone: Zone | undefined, { zone: name, accountId, tier }: Wanted): string[] {
  if (!zone) return [noZone(name)];
  const problems: string[] = [];
  const { account, status, paused, type = 'full', name_servers } = zone;
  if (account.id !== accountId) problems.push(`the zone ${name} is in the account ${account.id}${account.name ? ` (${account.name})` : ''}, not in ${accountId}: correct drawbridge:cloudflare.accountId`);
  // A zone of another type is not the one that resolvers ask (DNS, "Zone setups").
  if (type !== 'full') problems.push(`the zone ${name} has its DNS elsewhere (its type is ${type}): it needs a full setup, with Cloudflare’s name servers`);
  else if (status !== 'active') problems.push(`the zone ${name} is not active (${status}): name ${name_servers.join(' and ')} as its name servers where ${name} was registered, and wait until Cloudflare’s dashboard says Active`);
  if (paused && tier === 'tunnel') problems.push(`Cloudflare is paused for the zone ${name}, so that no request gets to a tunnel: switch it on again in the dashboard (${name} → Overview → Advanced Actions → Enable Cloudflare on Site)`);
  return problems;
}
