import { BUILT_IN_SCOPES } from '../../keycloak/built-in-scopes.ts';
import { authRules } from './auth-rules.ts';
import { isForeign } from './authorization-server.ts';
import { acmeRules } from './acme-rules.ts';
import { backendRules } from './backend-rules.ts';
import { clientRules } from './clients.ts';
import { cloudflareRules } from './cloudflare.ts';
import { deployRules } from './deploy.ts';
import type { ServerConfig } from '../config.ts';
import { identityProviderRules } from './identity-provider-rules.ts';
import type { Parsed } from './schema.ts';
import { sessionRules } from './sessions.ts';
import { userRules } from './users.ts';

/** One thing that is wrong with a config. */
export interface ConfigProblem {
  /** Where, as a path: `servers[0].path`. */
  readonly path: string;
  /** What is wrong and what to do about it. */
  readonly message: string;
}

/** Keys that some stacks need and others do without: whether they have them. Of one that is wrong, it is not said that it is missing. */
export type Missing = Readonly<Record<'host' | 'cloudflare', boolean>>;

/** The rules that span several keys. A key that is itself wrong is absent here and reported already. */
export function brokenRules(config: Partial<Parsed>, missing: Missing): ConfigProblem[] {
  const servers = config.servers ?? [];
  return [
    ...hostRules(config, missing.host),
    ...addressRules(config),
    ...acmeRules(config),
    ...cloudflareRules(config, missing.cloudflare),
    ...servers.flatMap((server, index) => serverRules(server, `servers[${index}]`)),
    ...takenScopes(config),
    ...sharedNames(servers),
    ...sharedScopes(servers),
    ...servers.flatMap((server, index) => backendRules(server, `servers[${index}]`, config.secrets)),
    ...authRules(config),
    ...deployRules(config),
    ...clientRules(config),
    ...userRules(config),
    ...sessionRules(config),
    ...identityProviderRules(config),
  ];
}

function hostRules({ profile, host }: Partial<Parsed>, missing: boolean): ConfigProblem[] {
  if (!profile || profile === 'local') return [];
  if (missing) return [{ path: 'host', message: `is missing: a stack of profile ${profile} needs its public name, for example mcp.example.org` }];
  return host && !host.includes('.') ? [{ path: 'host', message: `is not a public name: ${host} has no dot` }] : [];
}

/** In profile local every caller is on this machine, and the front sees the address of Docker's bridge. */
function addressRules({ profile, dataPlaneAllowlist = [], trustedProxies = [] }: Partial<Parsed>): ConfigProblem[] {
  if (profile !== 'local') return [];
  return Object.entries({ dataPlaneAllowlist, trustedProxies })
    .filter(([, list]) => list.length > 0)
    .map(([path]) => ({ path, message: 'has nothing to tell apart, since in profile local only this machine calls: remove it, or use another profile' }));
}

function serverRules(server: ServerConfig, at: string): ConfigProblem[] {
  const { path, scopes, tools, resources, prompts, implies, consent } = server;
  const taken = path === '/auth' || path.startsWith('/auth/') ? [{ path: `${at}.path`, message: 'is taken: /auth belongs to the authorization server' }] : [];
  const needed = Object.entries({ tools, resources, prompts }).flatMap(([key, map]) => Object.entries(map).map(([name, scope]) => [`${at}.${key}.${name}`, scope] as const));
  const implied = Object.entries(implies).flatMap(([scope, included]) => [scope, ...included].map((named) => [`${at}.implies.${scope}`, named] as const));
  const described = Object.keys(consent).map((scope) => [`${at}.consent.${scope}`, scope] as const);
  const unlisted = [...needed, ...implied, ...described]
    .filter(([, scope]) => !scopes.includes(scope))
    .map(([where, scope]) => ({ path: where, message: `names the scope ${scope}, which ${at}.scopes does not list: add it there, or name another` }));
  return [...taken, ...unlisted];
}

function sharedNames(servers: readonly ServerConfig[]): ConfigProblem[] {
  return (['name', 'path'] as const).flatMap((key) =>
    repeated(servers.map((server) => server[key])).map((value) => ({ path: 'servers', message: `has two servers with the ${key} ${value}: give each its own` })),
  );
}

/**
 * What asks for a refresh token or an identity is no scope of a resource, and stands in no challenge (SEP-2207). A realm of our
 * own has more names of its own; another authorization server may offer nothing but those.
 */
function takenScopes({ servers = [], authorizationServer }: Partial<Parsed>): ConfigProblem[] {
  const taken = isForeign(authorizationServer) ? ['offline_access'] : ['openid', ...BUILT_IN_SCOPES];
  return servers.flatMap(({ name, scopes }, index) =>
    scopes
      .filter((scope) => taken.includes(scope))
      .map((scope) => ({ path: `servers[${index}].scopes`, message: `lists ${scope}, which belongs to the authorization server: clients ask for it by themselves; name what the server allows, for example ${name}:read` })),
  );
}

/** One scope puts one audience into a token. A scope shared by two servers would let a token for one open the other. */
function sharedScopes(servers: readonly ServerConfig[]): ConfigProblem[] {
  return servers.flatMap(({ name, scopes }, index) => {
    const first = servers.slice(0, index).find((other) => other.scopes.some((scope) => scopes.includes(scope)));
    if (!first) return [];
    const shared = scopes.filter((scope) => first.scopes.includes(scope)).join(', ');
    const remedy = `give it its own (the default is mcp:read and mcp:write), for example [${name}:read, ${name}:write]`;
    return [{ path: `servers[${index}].scopes`, message: `shares ${shared} with the server ${first.name}, so that a token for one would open the other: ${remedy}` }];
  });
}

function repeated(values: readonly string[]): string[] {
  return [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];
}
