import { type Access, CloudflareError, connect } from './api.ts';
import { persistently } from './program.ts';
import { isUnused, tunnelName, tunnelsOf } from './tunnel/tunnels.ts';

/**
 * The id of a tunnel of the stack's name that was never configured, or `''`. The answer to its creation may have been lost: then it is in
 * no state, and its name is taken for ever.
 */
export async function findStray({ accountId, stack, ...access }: Access & { readonly accountId: string; readonly stack: string }): Promise<string> {
  const api = connect(access);
  try {
    return await persistently(async () => {
      const tunnel = (await tunnelsOf(api, accountId, stack)).find(({ name }) => name === tunnelName(stack));
      return tunnel && (await isUnused(api, accountId, tunnel)) ? tunnel.id : '';
    });
  } catch (error) {
    // What is wrong with the token or the account is said, with all else that is wrong, before anything is made (`account.ts prepare`).
    if (error instanceof CloudflareError && error.status !== undefined && error.status < 429) return '';
    throw error;
  }
}
