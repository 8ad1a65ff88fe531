import type { Subject } from '../cloudflare/checks/finding.ts';
import type { HostPath } from '../cloudflare/rules/wanted.ts';
import type { Config } from './config.ts';
import type { Endpoints } from './endpoints.ts';

/** What of a stack behind a tunnel is looked at from Cloudflare’s side: all but how to get there. */
export function edgeSubject({ cloudflare, dataPlaneAllowlist }: Config, { hosts, servers, documents }: Endpoints): Omit<Subject, 'api' | 'fetch' | 'stack' | 'zone'> {
  return {
    accountId: cloudflare!.accountId,
    hosts,
    servers: servers.map(({ resource }) => placeOf(resource)),
    documents: documents.map(placeOf),
    restricted: dataPlaneAllowlist.length > 0,
  };
}

function placeOf(url: string): HostPath {
  const { host, pathname } = new URL(url);
  return { host, path: pathname };
}
