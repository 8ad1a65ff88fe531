import type { Config, ServerConfig } from './config.ts';
import { keycloakOf } from './config/authorization-server.ts';
import type { Place } from './place.ts';

/** One MCP server as the outside world sees it. */
export interface ServerEndpoints {
  readonly name: string;
  /** Public host that serves it, without a port. */
  readonly host: string;
  /** Path of the MCP endpoint, without a trailing slash: `/mcp`. */
  readonly path: string;
  /** The resource identifier (RFC 8707), which is also the tokens' audience. Never ends in a slash. */
  readonly resource: string;
  /** Protected resource metadata at the path-inserted place (RFC 9728 §3.1), named by the 401 challenge. Only with OAuth. */
  readonly metadataUrl?: string;
  /** Where that document, and for the first server of a host its root twin, is served. */
  readonly metadataPaths: readonly string[];
  /** What answers behind the gateway, as the gateway reaches it. */
  readonly backendUrl: string;
}

/** Who issues the tokens. */
export interface Issuer {
  readonly issuer: string;
  /** Where its metadata may be, in the order in which MCP clients look. */
  readonly metadataUrls: readonly string[];
}

/** A public document of the authorization server and the path the front asks Keycloak for. */
export interface PathMapping {
  /** Public host, without a port. */
  readonly host: string;
  readonly path: string;
  readonly upstreamPath: string;
}

/** The Keycloak of the stack as the outside world sees it, and the few facts the inside needs. */
export interface AuthorizationServerEndpoints {
  readonly host: string;
  /** Keycloak's public base URL, which is its `hostname` option. */
  readonly baseUrl: string;
  /** Keycloak's root path, `/auth`. */
  readonly basePath: string;
  readonly issuer: string;
  /** JWKS as published in the metadata. */
  readonly jwksUrl: string;
  /** JWKS path below an origin, for the fetch inside the container network. */
  readonly jwksPath: string;
  /** Authorization server metadata at the path-inserted place (RFC 8414 §3.1). */
  readonly metadataUrl: string;
  /** Every public metadata path. Clients look on the host's root, where Keycloak itself answers nothing. */
  readonly metadataPaths: readonly PathMapping[];
  /** Exact public paths below the realm. */
  readonly exactPaths: readonly string[];
  /** Public path prefixes below the realm, each ending in a slash. */
  readonly prefixPaths: readonly string[];
  /** Where each identity provider sends people back to, and where the metadata of one is that has to be asked for its endpoints. */
  readonly identityProviders: Readonly<Record<string, { readonly callbackUrl: string; readonly discoveryUrl?: string }>>;
  /** Dynamic client registration (RFC 7591): answered to browsers of any origin. None where it is closed. */
  readonly registrationPath?: string;
  /** Paths of the realms of previews, where there may be such: as above, with `*` for the name of the realm after its `preview-`. */
  readonly previewRealms?: {
    readonly metadataPaths: readonly PathMapping[];
    readonly exactPaths: readonly string[];
    readonly prefixPaths: readonly string[];
    readonly registrationPath: string;
  };
  /** Members of Keycloak's metadata that name what is not public, which clients would try: name → value. */
  readonly hiddenMetadata?: Readonly<Record<string, string>>;
}

/** Every URL and path of a stack. Nothing else in the project puts a URL together. */
export interface Endpoints {
  /** Origin of the front's first host: scheme, host, and the port where it is not 443. */
  readonly origin: string;
  /** Every public host name, without ports. */
  readonly hosts: readonly string[];
  /** The port in public URLs. */
  readonly port: number;
  /** Directory of the ACME CA (RFC 8555 §7.1.1). */
  readonly acmeDirectory: string;
  /** Where an ACME CA asks for HTTP-01 challenges, ending in a slash (RFC 8555 §8.3). */
  readonly challengePath: string;
  readonly servers: readonly ServerEndpoints[];
  /** Only with OAuth. */
  readonly issuer?: Issuer;
  /** Only where the stack has a Keycloak of its own. */
  readonly authorizationServer?: AuthorizationServerEndpoints;
  /** Only where the realm is in the Keycloak of another stack. */
  readonly realmElsewhere?: {
    /** Keycloak's root path there. */
    readonly basePath: string;
    /** JWKS, as published and below an origin. */
    readonly jwksUrl: string;
    readonly jwksPath: string;
  };
  /** Keys that signed identity headers are verified with. Only where a server gets such headers. */
  readonly identityJwks?: { readonly host: string; readonly path: string; readonly url: string };
  /** Ports of the app's machine on which a front on the host's network finds what is behind it. None where it shares a container network. */
  readonly published?: Published;
  /** Every public document a client may fetch without a token; tests ask each of them. */
  readonly documents: readonly string[];
}

/** What is behind a front, as it finds it. */
export interface Published {
  /** On which the app's machine listens: loopback, or where the front is elsewhere, the address on the network that they share. */
  readonly address: string;
  /** By place: two gateways listen while one takes over from the other. Metrics are on loopback in any case. */
  readonly server: Readonly<Record<Place, { readonly port: number; readonly metrics: number; readonly origin: string }>>;
  readonly keycloak: { readonly port: number; readonly origin: string };
  /** On the loopback of the front's machine. */
  readonly frontMetrics: number;
  /** Likewise, behind a tunnel: where connectors bring what clients ask, and where each says how it is. */
  readonly tunnel: { readonly front: number; readonly connectorMetrics: readonly number[] };
}

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
    ...(keycloakOf(config.authorizationServer) && { realmElsewhere: { basePath: KEYCLOAK, jwksUrl: new URL(certsOf(config.realm), issuer).href, jwksPath: certsOf(config.realm) } }),
    identityJwks,
    published: config.profile === 'local' ? undefined : derivePublished(config.deploy.appAddress ?? '127.0.0.1', config.cloudflare?.connectors ?? 0),
    documents: [
      ...servers.flatMap(({ metadataPaths }) => metadataPaths.map((path) => `${origin}${path}`)),
      ...(authorizationServer ? [...authorizationServer.metadataPaths.map(({ host, path }) => `${originOf(host)}${path}`), authorizationServer.jwksUrl] : []),
      ...(identityJwks ? [identityJwks.url] : []),
    ],
  };
}

function derivePublished(address: string, connectors: number): Published {
  const at = (port: number) => ({ port, origin: `http://${address.includes(':') ? `[${address}]` : address}:${port}` });
  return {
    address,
    server: { a: { ...at(18080), metrics: 18082 }, b: { ...at(18084), metrics: 18085 } },
    keycloak: at(18081),
    frontMetrics: 18083,
    tunnel: { front: 18086, connectorMetrics: Array.from({ length: connectors }, (_, index) => 18087 + index) },
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
    baseUrl: `${origin}${KEYCLOAK}`,
    basePath: KEYCLOAK,
    issuer: `${origin}${realmPathOf(realm)}`,
    jwksUrl: `${origin}${certsOf(realm)}`,
    jwksPath: certsOf(realm),
    metadataUrl: `${origin}${paths.metadataPaths[0]!.path}`,
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
