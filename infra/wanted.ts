import type { Wanted } from '../host/checks.ts';
import type { Config } from './config.ts';
import { dns01Token, managesDns } from './config/cloudflare.ts';
import { deriveEndpoints, type Published } from './endpoints.ts';

/** Whether a stack sets the firewalls of its machines. */
export const setsFirewall = ({ firewall, profile }: Pick<Config, 'firewall' | 'profile'>): boolean => firewall !== 'none' && profile !== 'local';

/** What a stack wants of one of its machines. */
export function wantedOf(config: Config, stack: string, target: string): Wanted {
  const { deploy, publicAddresses, tier, trustedProxies, profile } = config;
  const { hosts, acmeDirectory, published, authorizationServer } = deriveEndpoints(config);
  // A tunnel's front is where nobody comes from outside.
  const front = target === deploy.proxy && profile !== 'local' && tier === 'host';
  return {
    stack,
    firewall: setsFirewall(config),
    ...(front && {
      front: {
        // Where the stack sees to DNS, names lead here once all else is done.
        names: managesDns(config) ? [] : hosts,
        publicAddresses,
        acmeDirectory,
        http01: !dns01Token(config),
        behindProxies: trustedProxies.length > 0,
        ...(deploy.app !== deploy.proxy && { appAddress: deploy.appAddress }),
      },
    }),
    ...(published && target === deploy.app && { app: { address: published.address, ports: [...portsOf(published, authorizationServer !== undefined), ...(tier === 'tunnel' ? [published.tunnel.front, ...published.tunnel.connectorMetrics] : [])] } }),
  };
}

const portsOf = ({ server, keycloak }: Published, hasKeycloak: boolean): number[] => [...Object.values(server).flatMap(({ port, metrics }) => [port, metrics]), ...(hasKeycloak ? [keycloak.port] : [])];
