import type Cloudflare from 'cloudflare';
import type { Zone } from 'cloudflare/resources/zones/zones';
import { CloudflareError, listed } from './api.ts';

/** A zone of this name, of those that the token may see. There may be several, of which one at most is active. */
export async function zoneNamed(api: Cloudflare, name: string, accountId?: string): Promise<Zone | undefined> {
  const zones = await listed(`finding the zone ${name}`, api.zones.list({ name }));
  return zones.find(({ status }) => status === 'active') ?? zones.find(({ account }) => account.id === accountId) ?? zones[0];
}

/** The same. @throws CloudflareError if the token sees none */
export async function zoneSeen(api: Cloudflare, name: string): Promise<Zone> {
  const zone = await zoneNamed(api, name);
  if (!zone) throw new CloudflareError(noZone(name));
  return zone;
}

/** A list of zones is cut to what the token may see: why it is empty is not said. */
export const noZone = (name: string): string =>
  `the token sees no zone ${name}: under “Zone Resources” it has to include it, with the permission Zone → Zone → Read; or correct drawbridge:cloudflare.zone, which is a domain as it stands in Cloudflare’s dashboard`;
