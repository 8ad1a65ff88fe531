import type { z } from 'zod';
import { type Config, configSchema, parseConfig } from '../../infra/config.ts';
import { target } from '../../infra/config/deploy.ts';
import { type allowlist, isRecord } from '../../infra/config/values.ts';
import { type KnownClientName, knownClientNames } from '../../keycloak/known-clients.ts';

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
  /** Those that are known; a config may have others of its own besides. */
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
export type Allow = 'everyone' | Readonly<z.input<typeof allowlist>>;

/** Values of a config, keyed without the namespace. */
export type Values = Readonly<Record<string, unknown>>;

const { shape } = configSchema;
const valid = <Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> | undefined => schema.safeParse(value).data;

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
    allowlist: allow === 'everyone' ? undefined : allow,
    clients: [...clients, ...ownClients(before)],
    users: signIn.users.length > 0 ? signIn.users : undefined,
    ...(acmeEmail !== undefined && { acme: unlessEmpty({ ...(acmeEmail && { email: acmeEmail }), ...acme }) }),
    // The proxy may have a machine of its own.
    deploy: mapIn(before.deploy).app === deploy ? before.deploy : { app: deploy, proxy: deploy },
    ...(cloudflare && { cloudflare: { ...mapIn(before.cloudflare), accountId: cloudflare.accountId, zone: cloudflare.zone, token: { secret: 'cloudflare' } } }),
  };
}

/** The answers that a config holds, with the schema's defaults of those that no flag has to give. Nobody has said yet that they are right. */
export function answersIn(values: Values): Partial<Answers> {
  const { cloudflare, servers } = values;
  const { zone, accountId } = mapIn(cloudflare);
  const [profile, acme] = [valid(shape.profile, values.profile), valid(shape.acme, values.acme)];
  const found: { readonly [Key in keyof Answers]: Answers[Key] | undefined } = {
    profile: profile === 'local' ? undefined : profile,
    tier: valid(shape.tier, values.tier),
    host: valid(shape.host, values.host),
    deploy: valid(target, mapIn(values.deploy).app),
    acmeEmail: acme && (acme.email ?? ''),
    cloudflare: isText(zone) && isText(accountId) ? { zone, accountId, token: '' } : undefined,
    servers: Array.isArray(servers) && servers.length > 0 && servers.every((server) => isRecord(server) && isText(server.name)) ? servers : undefined,
    clients: knownClients(values),
    signIn: signInOf(values),
    allow: allowOf(values),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
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
function allowOf(values: Values): Allow | undefined {
  if (!isRestricted(values)) return Object.keys(mapIn(values.identityProviders)).length > 0 ? 'everyone' : undefined;
  return valid(shape.allowlist, values.allowlist) ? (values.allowlist as Allow) : undefined;
}

/** Whether a config says that not everyone may call. A list that nobody can read says so too. */
export function isRestricted({ allowlist }: Values): boolean {
  const { success, data } = shape.allowlist.safeParse(allowlist);
  return !success || data !== undefined;
}

/** Clients that Drawbridge does not know, which only the config describes. */
export const ownClients = ({ clients }: Values): readonly Values[] => (Array.isArray(clients) ? clients.filter(isRecord) : []);

/** Undefined where it is no list, or has something that is no client: who may connect is not guessed then. */
function knownClients({ clients = knownClientNames }: Values): readonly KnownClientName[] | undefined {
  const isKnown = (client: unknown): client is KnownClientName => knownClientNames.some((name) => name === client);
  return Array.isArray(clients) && clients.every((client) => isKnown(client) || isRecord(client)) ? clients.filter(isKnown) : undefined;
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
