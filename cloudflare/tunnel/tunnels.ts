import type Cloudflare from 'cloudflare';
import { asked, CloudflareError, listed } from '../api.ts';

export interface Tunnel {
  readonly id: string;
  readonly name: string;
  /** When it was made. */
  readonly created: string;
  /** `inactive` if no connector was ever connected. */
  readonly status: string;
  /** Whether it has its routes from Cloudflare. One of `cloudflared tunnel create` has them from a file, and is never a stack's. */
  readonly remote: boolean;
}

export const tunnelName = (stack: string): string => `drawbridge-${stack}`;

/**
 * What a tunnel is called that the state may know nothing of. With the beginning of its own id, so that the tunnel of a stack that is
 * called `a-stray-b` is none of the stack `a`.
 */
export const strayName = (stack: string, id: string): string => `${tunnelName(stack)}-stray-${id.slice(0, 8)}`;

export const isStray = (stack: string, { id, name }: Tunnel): boolean => name === strayName(stack, id);

/** The tunnels of a stack: its own, and its strays. */
export async function tunnelsOf(api: Cloudflare, account_id: string, stack: string): Promise<Tunnel[]> {
  const all = await listed(`reading the tunnels of the account ${account_id}`, api.zeroTrust.tunnels.cloudflared.list({ account_id, is_deleted: false, include_prefix: tunnelName(stack) }));
  return all
    .map(({ id = '', name = '', created_at = '', status = '', config_src }) => ({ id, name, created: created_at, status, remote: config_src === 'cloudflare' }))
    .filter((tunnel) => tunnel.name === tunnelName(stack) || isStray(stack, tunnel));
}

/** Whether nobody uses a tunnel: it was made, and neither configured nor connected since. */
export async function isUnused(api: Cloudflare, account_id: string, { id, name, status, remote }: Tunnel): Promise<boolean> {
  if (status !== 'inactive' || !remote) return false;
  try {
    const { config } = await asked(`reading the configuration of the tunnel ${name}`, api.zeroTrust.tunnels.cloudflared.configurations.get(id, { account_id }));
    return !config;
  } catch (error) {
    if (error instanceof CloudflareError && error.status === 404) return true;
    throw error;
  }
}

export async function renameTunnel(api: Cloudflare, account_id: string, tunnel: Tunnel, name: string): Promise<void> {
  await asked(`renaming the tunnel ${tunnel.name} to ${name}`, api.zeroTrust.tunnels.cloudflared.edit(tunnel.id, { account_id, name }));
}

/** Connectors that were stopped count as connected for a while, and a tunnel with such is not deleted (code 1022). */
export async function deleteTunnel(api: Cloudflare, account_id: string, { id, name }: Tunnel): Promise<void> {
  const { cloudflared } = api.zeroTrust.tunnels;
  await asked(`cutting the connections of the tunnel ${name}`, cloudflared.connections.delete(id, { account_id }));
  try {
    await asked(`deleting the tunnel ${name}`, cloudflared.delete(id, { account_id }));
  } catch (error) {
    if (error instanceof CloudflareError && error.codes.includes(1022)) throw new CloudflareError(`${error.message} A connector (cloudflared) still runs with its token: stop it, and run this again.`);
    throw error;
  }
}

/** Removes all tunnels of a stack. @returns their names */
export async function deleteTunnels(api: Cloudflare, account_id: string, stack: string): Promise<string[]> {
  const tunnels = await tunnelsOf(api, account_id, stack);
  for (const tunnel of tunnels) await deleteTunnel(api, account_id, tunnel);
  return tunnels.map(({ name }) => name);
}
