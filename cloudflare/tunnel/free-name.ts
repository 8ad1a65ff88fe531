import type Cloudflare from 'cloudflare';
import { deleteTunnel, isStray, isUnused, renameTunnel, strayName, tunnelName, tunnelsOf } from './tunnels.ts';

/**
 * Frees the name of the stack's tunnel from one that the answer to its creation was lost of. Whether the state knows a tunnel cannot be
 * asked here, so it is only renamed: that does no harm to one that is known. It is deleted once another has its name and is in use.
 * @param stray its id; `''`: there is none
 */
export async function freeName(api: Cloudflare, { accountId, stack }: { readonly accountId: string; readonly stack: string }, stray: string): Promise<void> {
  const tunnels = await tunnelsOf(api, accountId, stack);
  const own = tunnels.find(({ name }) => name === tunnelName(stack));
  const unused = new Set<string>();
  for (const { id, ...tunnel } of tunnels) if (await isUnused(api, accountId, { id, ...tunnel })) unused.add(id);
  const strays = tunnels.filter((tunnel) => isStray(stack, tunnel));
  if (!own) {
    // The state did know it, and has configured it since.
    const known = strays.find(({ id }) => !unused.has(id));
    if (known) await renameTunnel(api, accountId, known, tunnelName(stack));
  } else if (!unused.has(own.id)) for (const tunnel of strays.filter(({ id }) => unused.has(id))) await deleteTunnel(api, accountId, tunnel);
  else if (own.id === stray) await renameTunnel(api, accountId, own, strayName(stack, own.id));
}
