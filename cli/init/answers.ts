import { type Config, parseConfig } from '../../infra/config.ts';
import { isRecord } from '../../infra/config/values.ts';
import type { KnownClientName } from '../../keycloak/known-clients.ts';

/** All that is asked for a new stack. What does not belong to its tier is absent. */
export interface Answers {
  readonly profile: 'production' | 'preview';
  readonly tier: 'host' | 'tunnel';
  /** `local` or `ssh://user@host[:port]`. */
  readonly deploy: string;
  readonly host: string;
  /** `''`: none. */
  readonly acmeEmail?: string;
  readonly cloudflare?: Zone;
  readonly servers: readonly Server[];
  readonly clients: readonly KnownClientName[];
  readonly signIn: SignIn;
  readonly allow: Allow;
}

/** Where the public name is at Cloudflare. */
export interface Zone {
  readonly zone: string;
  readonly accountId: string;
  /** Only to ask Cloudflare with; it is written nowhere. `''`: Cloudflare is not asked. */
  readonly token: string;
}

/** As in `drawbridge:servers`, with its path and scopes. */
export interface Server {
  readonly name: string;
  readonly path: string;
  readonly backend: unknown;
  readonly scopes: readonly string[];
  readonly [key: string]: unknown;
}

/** Who has an account, and where else people may sign in: alias → its client id. */
export interface SignIn {
  readonly users: readonly { readonly username: string; readonly email: string }[];
  readonly providers: Readonly<Partial<Record<Provider, { readonly clientId: string; readonly issuer?: string }>>>;
}

export const providers = ['github', 'google', 'oidc'] as const;
export type Provider = (typeof providers)[number];

/** Who of those who can sign in may call. */
export type Allow = 'everyone' | { readonly users: readonly string[]; readonly groups: readonly string[]; readonly domains: readonly string[] };

/** Values of a config, keyed without the namespace. */
export type Values = Readonly<Record<string, unknown>>;

/**
 * What the answers make of the config: each key that was asked for, undefined where there is to be none. It names secrets and holds none.
 * @param before the config that is there, of whose keys some are asked for in part
 */
export function configOf({ profile, tier, host, deploy, acmeEmail, cloudflare, servers, clients, signIn, allow }: Answers, before: Values = {}): Values {
  const identityProviders = Object.fromEntries(Object.entries(signIn.providers).map(([alias, provider]) => [alias, { ...provider, clientSecret: { secret: alias } }]));
  const { email: _, ...acme } = mapIn(before.acme);
  return {
    tier,
    host,
    profile,
    servers,
    identityProviders: unlessEmpty(identityProviders),
    allowlist: allow === 'everyone' ? undefined : Object.fromEntries(Object.entries(allow).filter(([, names]) => names.length > 0)),
    clients,
    users: signIn.users.length > 0 ? signIn.users : undefined,
    ...(acmeEmail !== undefined && { acme: unlessEmpty({ ...(acmeEmail && { email: acmeEmail }), ...acme }) }),
    // The proxy may have a machine of its own.
    deploy: mapIn(before.deploy).app === deploy ? before.deploy : { app: deploy, proxy: deploy },
    ...(cloudflare && { cloudflare: { ...mapIn(before.cloudflare), accountId: cloudflare.accountId, zone: cloudflare.zone, token: { secret: 'cloudflare' } } }),
  };
}

/** The answers that a config holds. Nobody has said yet that they are right. */
export function answersIn(values: Values): Partial<Answers> {
  const { profile, tier, host, deploy, acme, cloudflare, servers, clients } = values;
  const { zone, accountId } = mapIn(cloudflare);
  const found = {
    profile,
    tier,
    host,
    deploy: mapIn(deploy).app,
    acmeEmail: mapIn(acme).email,
    cloudflare: isText(zone) && isText(accountId) ? { zone, accountId, token: '' } : undefined,
    servers: Array.isArray(servers) && servers.length > 0 && servers.every((server) => isRecord(server) && isText(server.name)) ? servers : undefined,
    clients: Array.isArray(clients) ? clients : undefined,
    signIn: signInOf(values),
    allow: allowOf(values),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => isText(value) || typeof value === 'object'));
}

/** Undefined where the config says more of it than is asked for. */
function signInOf({ users = [], identityProviders }: Values): SignIn | undefined {
  const found = Object.entries(mapIn(identityProviders));
  const isAsked = ([alias, provider]: [string, unknown]) => {
    const { clientId, issuer, clientSecret, ...more } = mapIn(provider);
    return providers.some((each) => each === alias) && isText(clientId) && isText(issuer) === (alias === 'oidc') && mapIn(clientSecret).secret === alias && Object.keys(more).length === 0;
  };
  const isAccount = (user: unknown) => isText(mapIn(user).username) && isText(mapIn(user).email);
  if (!Array.isArray(users) || users.length + found.length === 0 || !users.every(isAccount) || !found.every(isAsked)) return undefined;
  return { users, providers: Object.fromEntries(found.map(([alias, provider]) => [alias, withoutSecret(mapIn(provider))])) };
}

const withoutSecret = ({ clientSecret: _, ...provider }: Values) => provider as { clientId: string; issuer?: string };

/** Without providers everyone has an account that the stack made: to call everyone allowed was nobody's answer. */
function allowOf({ allowlist, identityProviders }: Values): Allow | undefined {
  if (isRecord(allowlist)) return { users: [], groups: [], domains: [], ...allowlist };
  return allowlist === undefined && Object.keys(mapIn(identityProviders)).length > 0 ? 'everyone' : undefined;
}

/** The whole config: what the answers make of it, and what is there besides. @throws ConfigError */
export function wholeConfig(answers: Answers, before: Values): Config {
  // The values of secrets come later, and never through here.
  const secrets = Object.fromEntries(secretsOf(answers).map(({ name }) => [name, { secure: '' }]));
  return parseConfig({ ...before, ...configOf(answers, before), secrets: { ...secrets, ...mapIn(before.secrets) } });
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const mapIn = (value: unknown): Values => (isRecord(value) ? value : {});
const unlessEmpty = (map: Values): Values | undefined => (Object.keys(map).length > 0 ? map : undefined);

/** The secrets that the config names, each with what it is. */
export function secretsOf({ cloudflare, signIn, servers }: Answers): { name: string; what: string }[] {
  const names = { github: 'the client secret that GitHub shows', google: 'the client secret that Google shows', oidc: 'the client secret of your provider' };
  return [
    ...(cloudflare ? [{ name: 'cloudflare', what: 'the API token for Cloudflare' }] : []),
    ...providers.filter((alias) => signIn.providers[alias]).map((name) => ({ name, what: names[name] })),
    ...[...new Set(servers.flatMap(referencesIn))].map((name) => ({ name, what: 'a secret of your server' })),
  ];
}

/** Wherever a value is `{secret: name}`. */
function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === 'secret' && typeof inner === 'string' ? [inner] : referencesIn(inner)));
}
