import { Secret } from '../values.ts';
import type { ProviderFunction } from './provider.ts';

/** What a connector signs in with. The real provider does not mark it secret; here it always is. */
export const tunnelToken: ProviderFunction = {
  inputs: ['accountId', 'tunnelId'],
  call: async (inputs, cloudflare) => {
    const { accountId, tunnelId } = inputs as { accountId: string; tunnelId: string };
    const token = await cloudflare.ask((tunnels) => tunnels.token.get(tunnelId, { account_id: accountId }));
    return { accountId, tunnelId, id: tunnelId, token: new Secret(token) };
  },
};
