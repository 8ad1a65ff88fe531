import type Cloudflare from 'cloudflare';
import type { Checked } from './checks.ts';
import type { Zone } from './answers.ts';

/** A question to Cloudflare that only reads, or tries out and changes nothing. @returns its answer, or what went wrong */
async function ask<T>(token: string, question: (api: Cloudflare) => Promise<T>): Promise<T | { readonly wrong: string }> {
  // Loaded late: the SDK is large.
  const { connect, CloudflareError } = await import('../../cloudflare/api.ts');
  try {
    return await question(connect({ token }));
  } catch (error) {
    if (error instanceof CloudflareError) return { wrong: error.message };
    throw error;
  }
}

/** The account that a zone is in; undefined where the token sees no such zone, or cannot ask. */
export async function accountOf({ token, zone }: Pick<Zone, 'token' | 'zone'>): Promise<string | undefined> {
  if (!token) return undefined;
  const { zoneNamed } = await import('../../cloudflare/zone.ts');
  const found = await ask(token, (api) => zoneNamed(api, zone));
  return found && 'account' in found ? found.account.id : undefined;
}

/** What at Cloudflare would keep the stack from standing: the token and its permissions, the zone, records and tunnels of others. */
export async function checkCloudflare({ token, zone, accountId }: Zone, host: string, { stack, had }: { stack: string; had?: Zone }): Promise<Checked> {
  if (!token) return { problems: [], notes: ['Cloudflare was not asked whether the token may do what it has to: with CLOUDFLARE_API_TOKEN set it is.'] };
  const { findProblems } = await import('../../cloudflare/account/prepare.ts');
  const { tunnelName } = await import('../../cloudflare/tunnel/tunnels.ts');
  const wanted = { stack, accountId, zone, hosts: [host], tier: 'tunnel', adoptDns: false, manageBotSettings: false, rules: false } as const;
  // What bears the name of a stack that has stood there is its own, as far as its config can tell; what `up` knows is in the state.
  const prepared = had?.zone === zone && had.accountId === accountId ? { prepared: { zone, accountId, tunnel: tunnelName(stack) } } : {};
  const found = await ask(token, (api) => findProblems(api, wanted, { stray: '', ...prepared }));
  return { problems: 'wrong' in found ? [found.wrong] : found, notes: [] };
}
