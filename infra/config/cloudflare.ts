import { z } from 'zod';
import { publicHosts } from '../endpoints.ts';
import { examples } from './examples.ts';
import type { ConfigProblem } from './rules.ts';
import type { Parsed } from './schema.ts';
import { secretRules } from './secret-rules.ts';
import { emptyIsNone, secretReference } from './values.ts';

/** The zone of the public names, and the account that it is in. Needed for a tunnel; on a host, for DNS and certificates. */
export const cloudflare = emptyIsNone(
  z.strictObject({
    accountId: z.string().regex(/^[0-9a-f]{32}$/, 'is no account id: 32 digits and small letters a to f, which the dashboard shows on the overview page of the zone'),
    zone: z.string().regex(/^[a-z0-9][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)+$/, 'is no zone: write the domain in small letters, as the dashboard lists it, for example example.org'),
    /** An API token. docs/tunnel.md lists what it has to be allowed. */
    token: secretReference,
    /** Whether records that somebody else made for the public names may be taken over. */
    adoptDns: z.boolean().default(false),
    /** Whether what blocks Claude’s user agent is switched off, for the whole zone. */
    manageBotSettings: z.boolean().default(false),
    /** How many connectors a tunnel has. */
    connectors: z.int().min(1, 'must be at least 1').max(8, 'must be at most 8').default(2),
  }),
);

/** What does not go together with the zone, or with the lack of one. @param missing which is not said of one that is wrong itself */
export function cloudflareRules(config: Partial<Parsed>, missing: boolean): ConfigProblem[] {
  const { tier, profile, cloudflare, secrets } = config;
  if (profile === 'local')
    return [
      ...(tier === 'tunnel' ? [{ path: 'tier', message: 'is tunnel, and profile local is for this machine alone: use profile preview or production' }] : []),
      ...(cloudflare ? [{ path: 'cloudflare', message: 'has nothing to do in profile local, whose name is in no zone: remove it, or use profile preview or production' }] : []),
    ];
  if (missing && tier === 'tunnel') return [{ path: 'cloudflare', message: `is missing: a tunnel needs it, for example ${examples.cloudflare}` }];
  if (!cloudflare) return [];
  return [...secretRules(cloudflare.token.secret, 'cloudflare.token', secrets, 'word'), ...nameRules(config, cloudflare.zone)];
}

function nameRules({ tier, host, layout, auth, authorizationServer }: Partial<Parsed>, zone: string): ConfigProblem[] {
  if (!host || !layout || !auth || !authorizationServer) return [];
  const names = publicHosts({ host, layout, auth, authorizationServer });
  if (!isIn(zone, host)) return [{ path: 'host', message: `is not in the zone ${zone} (cloudflare.zone): name one that is, for example mcp.${zone}, or the zone in which ${host} is` }];
  // A certificate for *.example.org covers one label (RFC 9525 §6.3); deeper names cost extra at Cloudflare, and clients fail in the TLS handshake.
  const uncovered = names.find((name) => name.split('.').length > zone.split('.').length + 1);
  if (tier !== 'tunnel' || !uncovered) return [];
  const remedy = layout === 'subdomains' ? `use layout: paths with a host such as mcp.${zone}, or host: ${zone}` : `use a host such as mcp.${zone}`;
  return [{ path: layout === 'subdomains' ? 'layout' : 'host', message: `gives ${uncovered}, which is two labels under the zone: Cloudflare’s universal certificate covers ${zone} and *.${zone} only, and clients would get no TLS connection; ${remedy}` }];
}

const isIn = (zone: string, host: string): boolean => host === zone || host.endsWith(`.${zone}`);

/** What is far-reaching, or does less than one may think. */
export function cloudflareWarnings(config: Pick<Parsed, 'tier' | 'cloudflare' | 'acme' | 'trustedProxies' | 'publicAddresses'>): string[] {
  const { tier, cloudflare, acme, trustedProxies } = config;
  if (tier === 'host')
    return cloudflare && !managesDns(config) ? [`drawbridge:cloudflare is set without drawbridge:publicAddresses, of which records would be made: the stack has no DNS records then, and those that it had in tier tunnel are removed, while other people’s stay as they are. List the addresses of the host.`] : [];
  const unused = [...Object.entries(acme).flatMap(([key, value]) => (value ? [`acme.${key}`] : [])), ...(trustedProxies.length > 0 ? ['trustedProxies'] : [])];
  return [
    ...(cloudflare?.manageBotSettings ? [`drawbridge:cloudflare.manageBotSettings is true: “Block AI bots” and other bot settings that block Claude are switched off for the whole zone ${cloudflare.zone}, whatever else is in it. Without the stack they are as they were.`] : []),
    ...(unused.length > 0 ? [`drawbridge:${unused.join(', drawbridge:')} ${unused.length > 1 ? 'do' : 'does'} nothing in tier tunnel, where certificates and the addresses of callers are the business of Cloudflare’s edge. ${unused.length > 1 ? 'They' : 'It'} may stay for a way back to tier host.`] : []),
  ];
}

/** Whether the records of the public names are the stack’s. */
export const managesDns = ({ tier, cloudflare, publicAddresses }: Pick<Parsed, 'tier' | 'cloudflare' | 'publicAddresses'>): boolean => cloudflare !== undefined && (tier === 'tunnel' || publicAddresses.length > 0);

/** What certificates are asked for with by DNS-01. Without it, the CA asks over HTTP, and DNS has to lead to the host before. */
export const dns01Token = ({ acme, cloudflare }: Pick<Parsed, 'acme' | 'cloudflare'>): { readonly secret: string } | undefined => acme.dns01?.cloudflareToken ?? cloudflare?.token;
