import { randomBytes } from 'node:crypto';
import { type Call, identifier, Refused } from './api.ts';

/** Permission groups by the names that the API gives them; the dashboard says "Edit" where the API says "Write". */
export type Permission =
  | 'Account Settings Read'
  | 'Bot Management Read'
  | 'Bot Management Write'
  | 'Cache Settings Read'
  | 'Cache Settings Write'
  | 'Cloudflare Tunnel Read'
  | 'Cloudflare Tunnel Write'
  | 'DNS Read'
  | 'DNS Write'
  | 'SSL and Certificates Read'
  | 'SSL and Certificates Write'
  | 'Zone Read'
  | 'Zone Settings Read'
  | 'Zone Settings Write'
  | 'Zone WAF Read'
  | 'Zone WAF Write';

/** All that a route here asks for. */
export const ALL_PERMISSIONS: Permission[] = [
  'Account Settings Read',
  'Bot Management Write',
  'Cache Settings Write',
  'Cloudflare Tunnel Write',
  'DNS Write',
  'SSL and Certificates Read',
  'Zone Read',
  'Zone Settings Write',
  'Zone WAF Write',
];

/** What a route asks of a token: one of these permissions, which may depend on the call; or only that it is a token of `owner`. */
export interface Access {
  accepts: readonly Permission[] | ((call: Call) => readonly Permission[]) | 'any token';
  /** What a token gets that nobody issued. */
  unknown: Refused;
  /** What a token gets that has none of the permissions here. */
  denied: Refused;
}

const authenticationError = { code: 10000, message: 'Authentication error' };
const product = (...accepts: Permission[]): Access => ({ accepts, unknown: new Refused(401, authenticationError), denied: new Refused(403, authenticationError) });
/** Zones and accounts themselves answer with other words than what belongs to them. */
const container = (...accepts: Permission[]): Access => ({
  accepts,
  unknown: new Refused(403, { code: 9109, message: 'Invalid access token' }),
  denied: new Refused(403, { code: 9109, message: 'Unauthorized to access requested resource' }),
});

const invalid = new Refused(401, { code: 1000, message: 'Invalid API Token' });

/** Each accepts what the API's reference lists as "Accepted Permissions". */
export const access = {
  verify: { accepts: 'any token', unknown: invalid, denied: invalid } satisfies Access,
  account: container('Account Settings Read'),
  /** A list is cut to what the token may read, and refused to no token. */
  zones: { ...container(), accepts: 'any token' } satisfies Access,
  zone: container('Zone Read'),
  tunnels: { read: product('Cloudflare Tunnel Read', 'Cloudflare Tunnel Write'), write: product('Cloudflare Tunnel Write') },
  dns: { read: product('DNS Read', 'DNS Write'), write: product('DNS Write') },
  bots: { read: product('Bot Management Read', 'Bot Management Write'), write: product('Bot Management Write') },
  certificates: product('SSL and Certificates Read', 'SSL and Certificates Write'),
  settings: { read: container('Zone Settings Read', 'Zone Settings Write'), write: container('Zone Settings Write') },
};

/** A token: what it permits, and on which zones. */
interface Grant {
  id: string;
  permissions: ReadonlySet<Permission>;
  zones: ReadonlySet<string>;
  account?: string;
}

/** The tokens that were issued. */
export class Tokens {
  readonly #issued = new Map<string, Grant>();

  /** A user's token has 40 characters; one that an account owns says so. */
  issue(permissions: readonly Permission[], zones: readonly string[], account?: string): string {
    const token = account ? `cfat_${randomBytes(24).toString('hex')}` : randomBytes(20).toString('hex');
    this.#issued.set(token, { id: identifier(), permissions: new Set(permissions), zones: new Set(zones), account });
    return token;
  }

  revoke(token: string): void {
    this.#issued.delete(token);
  }

  /** Who calls. @throws Refused for a header that is not one of a token */
  caller(authorization: string | undefined): string {
    if (authorization === undefined) throw new Refused(400, { code: 9106, message: 'Missing X-Auth-Key, X-Auth-Email or Authorization headers' });
    const token = /^Bearer ([\w-]{40,})$/.exec(authorization)?.[1];
    if (token) return token;
    throw new Refused(400, { code: 6003, message: 'Invalid request headers', error_chain: [{ code: 6111, message: 'Invalid format for Authorization header' }] });
  }

  /** What the call's token is. @throws Refused unless it may do this */
  authorize(call: Call, { accepts, unknown, denied }: Access, accounts: readonly string[]): Grant {
    const grant = this.#issued.get(call.token);
    if (!grant) throw unknown;
    const here = (!call.at.zone || grant.zones.has(call.at.zone)) && (!call.at.account || accounts.includes(call.at.account));
    const accepted = typeof accepts === 'function' ? accepts(call) : accepts;
    if (here && (accepted === 'any token' || accepted.some((permission) => grant.permissions.has(permission)))) return grant;
    throw denied;
  }

  of(token: string): Grant {
    return this.#issued.get(token)!;
  }
}
