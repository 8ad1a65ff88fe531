import type { Config, ServerConfig } from './config.ts';
import { backendHost, deriveEndpoints } from './endpoints.ts';

/** Whether what answers for a server is a container of the stack: what is elsewhere needs none. */
export const hasBackend = ({ backend }: ServerConfig): boolean => backend === 'builtin' || !('url' in backend);

/** The roles of a stack's containers, by the machine that each belongs on. */
export function rolesOf(config: Config): Record<'app' | 'proxy', string[]> {
  const backends = config.servers.filter(hasBackend).map(({ name }) => backendHost(name));
  const keycloak = deriveEndpoints(config).authorizationServer ? ['database', 'keycloak'] : [];
  const wayIn = config.tier === 'tunnel' ? connectorRoles(config) : ['certificates', ...(config.profile === 'local' ? ['pebble'] : [])];
  return { app: ['server', ...keycloak, ...backends], proxy: ['front', ...wayIn] };
}

/** What connects to Cloudflare's edge, in tier tunnel. */
export const connectorRoles = ({ cloudflare }: Pick<Config, 'cloudflare'>): string[] => Array.from({ length: cloudflare?.connectors ?? 0 }, (_, index) => `connector-${index + 1}`);
