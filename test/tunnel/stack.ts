import { join } from 'node:path';
import type { StackOptions } from '../../engine/index.ts';
import { testStack } from '../support/deploy-with-engine.ts';
import { sharedConfig } from '../support/stack-servers.ts';
import { addresses, type Cloudflare, directory, host, publicAddress, zone } from './internet.ts';

/** Where the ACME CA of tier host is (ca.ts). */
export const acmeDirectory = `https://${addresses.acme}:14000/dir`;

/** The config of the stack behind a tunnel, without the namespace: as that of the other shared stacks, but for where it is. */
export function tunnelConfig({ accountId, token }: Cloudflare) {
  const { localPort: _, profile: __, secrets, ...config } = sharedConfig(0);
  return {
    ...config,
    tier: 'tunnel',
    profile: 'preview',
    host,
    // Those of a machine that has nothing else on it.
    firewall: 'none',
    cloudflare: { accountId, zone, token: { secret: 'cloudflare' } },
    publicAddresses: [publicAddress],
    acme: { directory: acmeDirectory },
    secrets: { ...secrets, cloudflare: token },
  };
}

/** The stack, wherever it is deployed from. @param changes to its config */
export function tunnelStack(cloudflare: Cloudflare, changes: object = {}): StackOptions {
  process.env.CLOUDFLARE_BASE_URL = cloudflare.api;
  // Resolvers there remember nothing.
  process.env.DRAWBRIDGE_DNS_WAIT = '2';
  const config = { ...tunnelConfig(cloudflare), ...changes };
  const stack = testStack('tunnel', Object.fromEntries(Object.entries(config).map(([key, value]) => [`drawbridge:${key}`, value])));
  // Its containers go with the machine, and so does what is known of them.
  return { ...stack, stateDirectory: join(directory(), 'state') };
}
