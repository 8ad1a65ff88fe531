import type Cloudflare from 'cloudflare';
import type { Zone } from 'cloudflare/resources/zones/zones';
import { CloudflareError } from '../api.ts';
import { zoneSeen } from '../zone.ts';
import { type EntryPoint, noRoom, readEntryPoint, settle } from './entry-point.ts';
import { describeCallers, isOf, type Phase, PHASES, rulesFor, type WantedRules } from './wanted.ts';

/**
 * The first of two lines: a call from elsewhere ends at the edge. The second is the front (proxy/callers.ts), which enforces the same list
 * where another rule of the zone lets such a call pass, or somebody turned this one off.
 * @param earlier what the last run returned: the descriptions of the rules, a line each
 */
export async function applyRules(api: Cloudflare, wanted: WantedRules, earlier = ''): Promise<string> {
  const rules = rulesFor(wanted);
  const zone = await zoneSeen(api, wanted.zone);
  const standing = await readEntryPoints(api, zone, wanted, earlier);
  const problems = PHASES.flatMap((phase) => (rules[phase] && standing[phase] && noRoom(zone, phase, standing[phase], wanted.stack)) ?? []);
  if (problems.length > 0) throw new CloudflareError(problems.join('\n'));
  for (const phase of PHASES) await settle(api, zone, phase, standing[phase], wanted.stack, rules[phase]);
  return PHASES.flatMap((phase) => rules[phase]?.description ?? []).join('\n');
}

/** Removes whatever rules of the stack's are there. */
export async function removeRules(api: Cloudflare, wanted: Pick<WantedRules, 'stack' | 'zone' | 'callers'>, earlier = ''): Promise<string> {
  const zone = await zoneSeen(api, wanted.zone);
  const standing = await readEntryPoints(api, zone, wanted, earlier);
  for (const phase of PHASES) await settle(api, zone, phase, standing[phase], wanted.stack, undefined);
  return '';
}

/** What the stack's rules are described as, of those that are there. */
export async function rulesOf(api: Cloudflare, zone: Zone, wanted: Pick<WantedRules, 'stack' | 'callers'>): Promise<string[]> {
  const standing = await readEntryPoints(api, zone, wanted);
  return PHASES.flatMap((phase) => standing[phase]?.rules ?? []).flatMap(({ description = '' }) => (isOf(wanted.stack, description) ? [description] : []));
}

async function readEntryPoints(api: Cloudflare, zone: Zone, { stack, callers }: Pick<WantedRules, 'stack' | 'callers'>, earlier = ''): Promise<Record<Phase, EntryPoint | undefined>> {
  const [cache, firewall] = await Promise.all([readEntryPoint(api, zone, 'http_request_cache_settings'), readEntryPoint(api, zone, 'http_request_firewall_custom').catch(unlessUnneeded)]);
  return { http_request_cache_settings: cache, http_request_firewall_custom: firewall };

  /** A token without the permission for custom rules has made none: a stack without a list of callers need not have it. */
  function unlessUnneeded(error: unknown): undefined {
    if (!(error instanceof CloudflareError && error.denied)) throw error;
    const { message, status, codes } = error;
    if (earlier.split('\n').includes(describeCallers(stack))) throw new CloudflareError(`${message} A rule of the stack is there: the token needs Zone → Zone WAF → Edit until that one is gone.`, { status, codes });
    if (callers) throw error;
  }
}
