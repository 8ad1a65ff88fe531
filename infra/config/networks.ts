import { z } from 'zod';
import { clientsOf } from './clients.ts';
import type { Parsed } from './schema.ts';

interface Vendor {
  /** Where its hosted clients call from, as it publishes it. */
  readonly networks: readonly string[];
  /** Ids of those clients. */
  readonly clients: readonly string[];
}

/** By the name that a config has for them. */
const vendors: Readonly<Record<string, Vendor>> = { anthropic: { networks: ['160.79.104.0/21'], clients: ['claude'] } };

const anyNetwork = [z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()];
const example = 'an IP address or a network such as 203.0.113.0/24 or 2001:db8::/32';
// As trusted hops, all addresses would let every caller choose its own; as callers, they are no list.
const everyone = (entry: string) => !entry.endsWith('/0');
const notEveryone = 'is every address there is: name the networks that are meant, or leave the key out';

/** Proxies, by their addresses. */
export const networks = z.array(z.union(anyNetwork, { error: `is not ${example}` }).refine(everyone, notEveryone));

/** Who may call, by address: one entry or a list, and an entry may be a vendor. */
export const callers = z.preprocess(
  (value) => (value === '' ? [] : typeof value === 'string' ? [value] : value),
  z.array(z.union([z.enum(Object.keys(vendors)), ...anyNetwork], { error: `is neither ${Object.keys(vendors).join(', ')} nor ${example}` }).refine(everyone, notEveryone)),
);

/** The networks that a list of callers stands for. */
export function networksOf(list: readonly string[]): string[] {
  return list.flatMap((entry) => vendors[entry]?.networks ?? [entry]);
}

/** Clients of the config that may sign in and not call, where only vendors' networks are on the list. */
export function callerWarnings({ dataPlaneAllowlist: list, clients }: Pick<Parsed, 'dataPlaneAllowlist' | 'clients'>): string[] {
  if (list.length === 0 || !list.every((entry) => entry in vendors)) return [];
  const hosted = list.flatMap((entry) => vendors[entry]!.clients);
  const others = clientsOf({ clients }).filter(({ clientId }) => !hosted.includes(clientId));
  // Codes come to a program on the user's own machine, or to a site: then that site calls.
  const [home, away] = [true, false].map((local) => others.filter(({ redirectUris }) => local === redirectUris.some((uri) => !uri.startsWith('https:'))).map(({ name }) => name)) as [string[], string[]];
  const where = [home.length > 0 && `${home.join(', ')} from their user's own machine`, away.length > 0 && `${away.join(', ')} from elsewhere`].filter(Boolean).join(', and ');
  if (!where) return [];
  return [`drawbridge:dataPlaneAllowlist is ${list.join(', ')}, and these of drawbridge:clients call from other networks: ${where}. They can sign in, and then get 403. List their networks as well ([anthropic, 203.0.113.0/24]), or take them out of clients.`];
}
