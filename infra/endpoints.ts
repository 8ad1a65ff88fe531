import type { Config, ServerConfig } from './config.ts';
import { keycloakOf } from './config/authorization-server.ts';
import type { AuthorizationServerEndpoints, Endpoints, Published, ServerEndpoints } from './endpoint-types.ts';

export type * from './endpoint-types.ts';

/** Keycloak's root path. */
const KEYCLOAK = '/auth';

/**
 * Keycloak as an administrator on the host reaches it, or from elsewhere through an SSH tunnel to the same port of their own.
 * @param port on the loopback address
 */
export function adminEndpoints(port: number): { baseUrl: string; consoleUrl: string } {
  const baseUrl = `http://localhost:${port}${KEYCLOAK}`;
  // The short address would send a browser on to the public name.
  return { baseUrl, consoleUrl: `${baseUrl}/admin/master/console/` };
}

/** How the names of realms begin that are another stack's than Keycloak's own. */
export const PREVIEW_REALMS = 'preview-';

const realmPathOf = (realm: string): string => `${KEYCLOAK}/realms/${realm}`;
const certsOf = (realm: string): string => `${realmPathOf(realm)}/protocol/openid-connect/certs`;

/** Whether an issuer is that of a realm in a Keycloak of ours. */
export const isIssuerOf = (issuer: string, realm: string): boolean => new URL(issuer).pathname === realmPathOf(realm);

/** The issuer of another realm in the same Keycloak. */
export const issuerBeside = (issuer: string, realm: string): string => new URL(realmPathOf(realm), issuer).href;

const PROTECTED_RESOURCE = '/.well-known/oauth-protected-resource';
const AUTHORIZATION_SERVER = '/.well-known/oauth-authorization-server';
const OPENID_CONFIGURATION = '/.well-known/openid-configuration';
const IDENTITY_JWKS = '/.well-known/drawbridge/jwks.json';

/** What someone pasted behind an issuer who copied the address of its metadata (RFC 8414 §3.1, OpenID Connect Discovery §4). */
export const metadataSuffix = (url: string): string | undefined => [OPENID_CONFIGURATION, AUTHORIZATION_SERVER].find((suffix) => url.replace(/\/$/, '').endsWith(suffix));

/** By which a server's backend is known on the network that it shares with the gateway. */
export const backendHost = (server: string): string => `backend-${server}`;
/** Port and path at which the backends that are built here serve MCP. */
const OWN_BACKEND = ':8080/mcp';

type Named = Pick<Config, 'host' | 'layout' | 'auth' | 'authorizationServer'>;

const hostNames = ({ host, layout }: Named) => (layout === 'subdomains' ? { servers: `mcp.${host}`, keycloak: `auth.${host}` } : { servers: host, keycloak: host });
const hasKeycloak = ({ auth, authorizationServer }: Named) => auth === 'oauth' && authorizationServer === 'keycloak';

/** Every public host name of a stack, without ports. */
export function publicHosts(config: Named): string[] {
  const { servers, keycloak } = hostNames(config);
  return hasKeycloak(config) ? [...new Set([servers, keycloak])] : [servers];
}

/**
 * Derives every URL of a stack from its config. Pure: the same config gives the same URLs, before anything is deployed.
 */
export function deriveEndpoints(config: Config): Endpoints {
  const port = config.profile === 'local' ? config.localPort : 443;
  const originOf = (host: string) => `https://${host}${port === 443 ? '' : `:${port}`}`;
  const { servers: host, keycloak: authorizationServerHost } = hostNames(config);
  const origin = originOf(host);

  const servers = config.servers.map((server, index): ServerEndpoints => {
    const { name, path } = server;
    const inserted = `${PROTECTED_RESOURCE}${path}`;
    const metadata = config.auth === 'oauth' ? { metadataUrl: `${origin}${inserted}`, metadataPaths: index === 0 ? [inserted, PROTECTED_RESOURCE] : [inserted] } : { metadataPaths: [] };
    return { name, host, path, resource: `${origin}${path}`, ...metadata, backendUrl: backendUrl(server) };
  });
  const authorizationServer = hasKeycloak(config) ? deriveAuthorizationServer(authorizationServerHost, host, originOf, config) : undefined;
  const issuer = authorizationServer?.issuer ?? (typeof config.authorizationServer === 'object' ? config.authorizationServer.issuer : undefined);
  const identityJwks = config.servers.some(({ identity }) => identity === 'signed') ? { host, path: IDENTITY_JWKS, url: `${origin}${IDENTITY_JWKS}` } : undefined;

  return {
    origin,
    hosts: publicHosts(config),
    port,
    acmeDirectory: config.acme.directory ?? `https://acme-${config.acme.staging ? 'staging-' : ''}v02.api.letsencrypt.org/directory`,
    challengePath: '/.well-known/acme-challenge/',
    servers,
    issuer: issuer === undefined ? undefined : { issuer, metadataUrls: metadataUrls(issuer) },
    authorizationServer,
    ...(issuer !== undefined && keycloakOf(config.authorizationServer) && { realmElsewhere: deriveRealmElsewhere(issuer, config.realm) }),
    identityJwks,
    published: config.profile === 'local' ? undefined : derivePublished(config),
    documents: [
      ...servers.flatMap(({ metadataPaths }) => metadataPaths.map((path) => `${origin}${path}`)),
      ...(authorizationServer ? [...authorizationServer.metadataPaths.map(({ host, path }) => `${originOf(host)}${path}`), authorizationServer.jwksUrl] : []),
      ...(identityJwks ? [identityJwks.url] : []),
    ],
  };
}

function derivePublished({ deploy, cloudflare, firstPort }: Config): Published {
  const address = deploy.appAddress ?? '127.0.0.1';
  const at = (port: number) => ({ port, origin: `http://${address.includes(':') ? `[${address}]` : address}:${port}` });
  return {
    address,
    server: { a: { ...at(firstPort), metrics: firstPort + 2 }, b: { ...at(firstPort + 4), metrics: firstPort + 5 } },
    keycloak: at(firstPort + 1),
    frontMetrics: firstPort + 3,
    tunnel: { front: firstPort + 6, connectorMetrics: Array.from({ length: cloudflare?.connectors ?? 0 }, (_, index) => firstPort + 7 + index) },
  };
}

function backendUrl({ name, backend }: ServerConfig): string {
  if (backend === 'builtin' || 'command' in backend) return `http://${backendHost(name)}${OWN_BACKEND}`;
  return 'url' in backend ? backend.url : `http://${backendHost(name)}:${backend.port}${backend.path}`;
}

/** RFC 8414 §3.1 with the path inserted, OpenID Discovery the same way, and as it was first written, with the path before. */
export function metadataUrls(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  return [...new Set([`${origin}${AUTHORIZATION_SERVER}${path}`, `${origin}${OPENID_CONFIGURATION}${path}`, `${origin}${path}${OPENID_CONFIGURATION}`])];
}

function deriveAuthorizationServer(host: string, mcpHost: string, originOf: (host: string) => string, { realm, identityProviders, registration, previewRealms }: Config): AuthorizationServerEndpoints {
  const origin = originOf(host);
  const paths = pathsOfRealm(realm, host);
  const providers = Object.entries(identityProviders).flatMap(([alias, provider]) => (provider ? [{ alias, issuer: 'issuer' in provider ? provider.issuer : undefined }] : []));
  return {
    host,
    ...realmAt(origin, realm, paths),
    metadataPaths: [
      ...paths.metadataPaths,
      // Clients from before protected resource metadata (2025-03-26) look on the MCP origin's root.
      { host: mcpHost, path: AUTHORIZATION_SERVER, upstreamPath: paths.metadataPaths[0]!.upstreamPath },
    ],
    exactPaths: [
      ...paths.exactPaths,
      // The way to a provider, the way back, and where a first sign-in goes on. Tokens of providers can be had below here too.
      ...providers.flatMap(({ alias }) => [`${paths.brokerPath}/${alias}/login`, `${paths.brokerPath}/${alias}/endpoint`]),
      ...(providers.length > 0 ? [`${paths.brokerPath}/after-first-broker-login`] : []),
    ],
    prefixPaths: [...paths.prefixPaths, `${KEYCLOAK}/resources/`],
    identityProviders: Object.fromEntries(
      providers.map(({ alias, issuer }) => [
        alias,
        // OpenID Connect Discovery §4.1: a slash at the end of the issuer goes.
        { callbackUrl: `${origin}${paths.brokerPath}/${alias}/endpoint`, ...(issuer !== undefined && { discoveryUrl: `${issuer.replace(/\/$/, '')}${OPENID_CONFIGURATION}` }) },
      ]),
    ),
    ...(registration === 'open' ? { registrationPath: paths.registrationPath } : { hiddenMetadata: { registration_endpoint: `${origin}${paths.registrationPath}` } }),
    ...(previewRealms && { previewRealms: pathsOfRealm(`${PREVIEW_REALMS}*`, host) }),
  };
}

/** The front of the other stack passes on what clients need of each realm there, registration included. */
function deriveRealmElsewhere(issuer: string, realm: string): Endpoints['realmElsewhere'] {
  const { origin, hostname } = new URL(issuer);
  const paths = pathsOfRealm(realm, hostname);
  return { ...realmAt(origin, realm, paths), exactPaths: paths.exactPaths, registrationPath: paths.registrationPath };
}

/** What a realm is known by, whosever Keycloak it is in. */
const realmAt = (origin: string, realm: string, { metadataPaths }: ReturnType<typeof pathsOfRealm>) => ({
  baseUrl: `${origin}${KEYCLOAK}`,
  basePath: KEYCLOAK,
  issuer: `${origin}${realmPathOf(realm)}`,
  jwksUrl: `${origin}${certsOf(realm)}`,
  jwksPath: certsOf(realm),
  metadataUrl: `${origin}${metadataPaths[0]!.path}`,
});

/** The paths below which one realm is found. */
function pathsOfRealm(realm: string, host: string) {
  const realmPath = realmPathOf(realm);
  const protocolPath = `${realmPath}/protocol/openid-connect`;
  // What Keycloak itself answers; under its own root it knows RFC 8414's form and OpenID's appended one.
  const openidMetadata = `${realmPath}${OPENID_CONFIGURATION}`;
  return {
    metadataPaths: [
      { host, path: `${AUTHORIZATION_SERVER}${realmPath}`, upstreamPath: `${KEYCLOAK}${AUTHORIZATION_SERVER}/realms/${realm}` },
      { host, path: `${OPENID_CONFIGURATION}${realmPath}`, upstreamPath: openidMetadata },
      { host, path: openidMetadata, upstreamPath: openidMetadata },
    ],
    exactPaths: ['auth', 'token', 'certs', 'userinfo', 'revoke', 'logout'].map((endpoint) => `${protocolPath}/${endpoint}`),
    prefixPaths: [`${protocolPath}/logout/`, `${realmPath}/login-actions/`],
    registrationPath: `${realmPath}/clients-registrations/openid-connect`,
    brokerPath: `${realmPath}/broker`,
  };
}
