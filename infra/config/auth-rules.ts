import type { ConfigProblem } from './rules.ts';
import type { Parsed } from './schema.ts';
import { secretRules } from './secret-rules.ts';
import type { Allowlist } from './values.ts';
import { isIssuerOf, metadataSuffix, PREVIEW_REALMS } from '../endpoints.ts';
import { isLoopback, isPrivate } from '../../host/where.ts';

/** What does not go with the way in that `auth` chooses. */
export function authRules({ auth, bearerTokens, authorizationServer, allowlist, servers = [], secrets, realm, previewRealms }: Partial<Parsed>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const tokens = Object.entries(bearerTokens ?? {});
  tokens.forEach(([name, { secret }], index) => {
    problems.push(...secretRules(secret, `bearerTokens.${name}`, secrets, 'token'));
    const same = tokens.slice(0, index).find(([, other]) => other.secret === secret);
    if (same) problems.push({ path: `bearerTokens.${name}`, message: `is the secret of ${same[0]} too, so that the two could not be told apart: give it its own` });
  });
  if (auth && auth !== 'bearer' && tokens.length > 0) problems.push({ path: 'bearerTokens', message: `is for auth: bearer, and auth is ${auth}: remove one or change the other` });
  if (typeof authorizationServer === 'object') {
    if (auth && auth !== 'oauth') problems.push({ path: 'authorizationServer', message: `is for auth: oauth, and auth is ${auth}: remove one or change the other` });
    const { introspection, issuer, keycloakOf } = authorizationServer;
    problems.push(...(keycloakOf ? sharedRules(issuer, realm) : issuerRules(issuer)));
    if (keycloakOf && introspection) problems.push({ path: 'authorizationServer.introspection', message: 'is for an authorization server of your own, and this is the Keycloak of another stack: remove one' });
    if (introspection) problems.push(...secretRules(introspection.clientSecret.secret, 'authorizationServer.introspection.clientSecret', secrets));
  }
  if (previewRealms && (typeof authorizationServer === 'object' || (auth && auth !== 'oauth')))
    problems.push({ path: 'previewRealms', message: 'are in the Keycloak of the stack, and this stack has none: remove it' });
  if (auth === 'bearer') problems.push(...bearerAllowlistRules(tokens.map(([name]) => name), { allowlist, servers }));
  if (auth === 'none')
    for (const path of [...(allowlist ? ['allowlist'] : []), ...servers.flatMap((server, index) => (server.allowlist ? [`servers[${index}].allowlist`] : []))])
      problems.push({ path, message: 'has nobody to check, since auth is none: use auth: oauth, or remove it' });
  return problems;
}

/** Under `auth: bearer` a caller is the name of its token, and has neither groups nor an address. */
function bearerAllowlistRules(configured: readonly string[], { allowlist, servers = [] }: Pick<Partial<Parsed>, 'allowlist' | 'servers'>): ConfigProblem[] {
  const names = configured.length > 0 ? configured : ['drawbridge'];
  const lists = [{ path: 'allowlist', list: allowlist }, ...servers.map((server, index) => ({ path: `servers[${index}].allowlist`, list: server.allowlist }))];
  const lets = (list: Allowlist) => names.some((name) => list.users.some((user) => user === name || (!list.caseSensitive && user.toLowerCase() === name.toLowerCase())));
  return lists.flatMap(({ path, list }) =>
    list && !lets(list) ? [{ path, message: `lets nobody in, since auth is bearer, where users are the names of tokens: list some of ${names.join(', ')} under users, or remove it` }] : [],
  );
}

/** The front of the other stack lets realms of such names through, and no others. */
function sharedRules(issuer: string, realm: string | undefined): ConfigProblem[] {
  if (realm === undefined) return [];
  if (!realm.startsWith(PREVIEW_REALMS)) return [{ path: 'realm', message: `must begin with ${PREVIEW_REALMS}, as all in the Keycloak of another stack: for example ${PREVIEW_REALMS}pr-123` }];
  return isIssuerOf(issuer, realm) ? [] : [{ path: 'authorizationServer.issuer', message: `is not that of the realm ${realm}: take the issuer of the other stack, with this realm at its end` }];
}

function issuerRules(issuer: string): ConfigProblem[] {
  const path = 'authorizationServer.issuer';
  const { protocol, hostname } = new URL(issuer);
  const suffix = metadataSuffix(issuer);
  if (suffix) return [{ path, message: `is the address of its metadata: cut off ${suffix}` }];
  if (isLoopback(hostname)) return [{ path, message: 'is the gateway’s own container, and clients look for it on theirs: use a name that both can reach' }];
  // RFC 8414 §2. Who can change a plain answer on its way can have any token accepted.
  return protocol === 'http:' && !isPrivate(hostname) ? [{ path, message: 'must be https: whoever can change its answers on the way can sign tokens' }] : [];
}
