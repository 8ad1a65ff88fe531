import type Cloudflare from 'cloudflare';
import type { RulesetCreateParams } from 'cloudflare/resources/rulesets/rulesets';
import { asked, CloudflareError } from '../api.ts';
import type { Wanted } from './wanted.ts';

interface Place {
  readonly account_id: string;
  readonly zone_id: string;
}

/** A permission that the stack needs, and a call that is refused without it and changes nothing with it. */
interface Permission {
  /** As the dashboard shows it (Cloudflare, "API token permissions"). */
  readonly shown: string;
  readonly purpose: string;
  readonly of: 'account' | 'zone';
  readonly isNeeded: (wanted: Wanted) => boolean;
  readonly tryOut: (api: Cloudflare, place: Place) => PromiseLike<unknown>;
}

const tunnel = ({ tier }: Wanted): boolean => tier === 'tunnel';

const PERMISSIONS: readonly Permission[] = [
  {
    shown: 'Zone → DNS → Edit',
    purpose: 'the records of the public names',
    of: 'zone',
    isNeeded: () => true,
    // Nothing to do.
    tryOut: (api, { zone_id }) => api.dns.records.batch({ zone_id }),
  },
  {
    shown: 'Account → Cloudflare Tunnel → Edit',
    purpose: 'the tunnel',
    of: 'account',
    isNeeded: tunnel,
    // Who may edit tunnels may read their tokens. There is no such tunnel.
    tryOut: (api, { account_id }) => api.zeroTrust.tunnels.cloudflared.token.get(crypto.randomUUID(), { account_id }),
  },
  {
    shown: 'Zone → Cache Rules → Edit',
    purpose: 'the rule by which nothing of the stack is cached',
    of: 'zone',
    isNeeded: tunnel,
    tryOut: (api, { zone_id }) => api.rulesets.create(impossible(zone_id, 'http_request_cache_settings')),
  },
  {
    shown: 'Zone → Zone WAF → Edit',
    purpose: 'the rule by which only some may call',
    of: 'zone',
    isNeeded: (wanted) => tunnel(wanted) && wanted.rules,
    tryOut: (api, { zone_id }) => api.rulesets.create(impossible(zone_id, 'http_request_firewall_custom')),
  },
  {
    shown: 'Zone → Bot Management → Edit',
    purpose: 'the bot settings, as manageBotSettings says',
    of: 'zone',
    isNeeded: (wanted) => tunnel(wanted) && wanted.manageBotSettings,
    // Writes a setting as it is: a call that must fail is not known.
    tryOut: async (api, { zone_id }) => {
      const { ai_bots_protection } = await api.botManagement.get({ zone_id });
      await api.botManagement.update({ zone_id, ai_bots_protection });
    },
  },
];

/** A ruleset that the API refuses for its rule, which would not apply to anything either. */
const impossible = (zone_id: string, phase: string) =>
  ({ zone_id, kind: 'zone', phase, name: 'drawbridge', rules: [{ action: 'drawbridge_tries_out_a_permission', expression: 'false', enabled: false }] }) as unknown as RulesetCreateParams;

/**
 * The permissions that the token lacks, each with what it is for. A token may not read what it may do (that takes a permission that it
 * should not have): it is tried out.
 */
export async function permissionProblems(api: Cloudflare, wanted: Wanted, place: Partial<Place>): Promise<string[]> {
  const toTry = PERMISSIONS.filter((permission) => permission.isNeeded(wanted) && place[`${permission.of}_id`] !== undefined);
  const problems = toTry.map(async ({ shown, purpose, of, tryOut }) => {
    try {
      await asked(`trying out the permission ${shown}`, tryOut(api, place as Place));
    } catch (error) {
      if (!(error instanceof CloudflareError) || error.status === undefined || error.passing || error.status === 429) throw error;
      const where = of === 'zone' ? `the zone ${wanted.zone}` : `the account ${wanted.accountId}`;
      if (error.denied) return [`the token lacks the permission ${shown} on ${where}, for ${purpose}: edit the token (My Profile → API Tokens, or Manage Account → Account API Tokens) and add it`];
    }
    return [];
  });
  return (await Promise.all(problems)).flat();
}
