import type { Config } from './config.ts';

/** One MCP server as the outside world sees it. */
export interface ServerEndpoints {
  readonly name: string;
  /** Public host that serves it, without a port. */
  readonly host: string;
  /** Path of the MCP endpoint, without a trailing slash: `/mcp`. */
  readonly path: string;
  /** The resource identifier (RFC 8707), which is also the tokens' audience. Never ends in a slash. */
  readonly resource: string;
  /** Protected resource metadata at the path-inserted place (RFC 9728 §3.1), named by the 401 challenge. */
  readonly metadataUrl: string;
  /** Where that document, and for the first server of a host its root twin, is served. */
  readonly metadataPaths: readonly string[];
}

/** A public path of the authorization server and the path the front asks Keycloak for. */
export interface PathMapping {
  readonly path: string;
  readonly upstreamPath: string;
}

/** The authorization server as the outside world sees it, and the few facts the inside needs. */
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
  /** Dynamic client registration (RFC 7591): answered to browsers of any origin. */
  readonly registrationPath: string;
}

/** Every URL and path of a stack. Nothing else in the project puts a URL together. */
export interface Endpoints {
  /** Origin of the front's first host: scheme, host, and the port where it is not 443. */
  readonly origin: string;
  /** Every public host name, without ports. */
  readonly hosts: readonly string[];
  /** The port in public URLs. */
  readonly port: number;
  /** Where an ACME CA asks for HTTP-01 challenges, ending in a slash (RFC 8555 §8.3). */
  readonly challengePath: string;
  readonly servers: readonly ServerEndpoints[];
  readonly authorizationServer: AuthorizationServerEndpoints;
  /** Every public document a client may fetch without a token; tests ask each of them. */
  readonly documents: readonly string[];
}

const PROTECTED_RESOURCE = '/.well-known/oauth-protected-resource';
const AUTHORIZATION_SERVER = '/.well-known/oauth-authorization-server';
const OPENID_CONFIGURATION = '/.well-known/openid-configuration';

/**
 * Derives every URL of a stack from its config. Pure: the same config gives the same URLs, before anything is deployed.
 */
export function deriveEndpoints(config: Config): Endpoints {
  const port = config.profile === 'local' ? config.localPort : 443;
  const originOf = (host: string) => `https://${host}${port === 443 ? '' : `:${port}`}`;
  const subdomains = config.layout === 'subdomains';
  const serverHost = subdomains ? `mcp.${config.host}` : config.host;
  const authorizationServerHost = subdomains ? `auth.${config.host}` : config.host;

  const servers = config.servers.map((server, index): ServerEndpoints => {
    const inserted = `${PROTECTED_RESOURCE}${server.path}`;
    return {
      name: server.name,
      host: serverHost,
      path: server.path,
      resource: `${originOf(serverHost)}${server.path}`,
      metadataUrl: `${originOf(serverHost)}${inserted}`,
      metadataPaths: index === 0 ? [inserted, PROTECTED_RESOURCE] : [inserted],
    };
  });

  const authorizationServer = deriveAuthorizationServer(authorizationServerHost, originOf(authorizationServerHost), config.realm);

  return {
    origin: originOf(serverHost),
    hosts: [...new Set([serverHost, authorizationServerHost])],
    port,
    challengePath: '/.well-known/acme-challenge/',
    servers,
    authorizationServer,
    documents: [
      ...servers.flatMap((server) => server.metadataPaths.map((path) => `${originOf(server.host)}${path}`)),
      ...authorizationServer.metadataPaths.map(({ path }) => `${originOf(authorizationServer.host)}${path}`),
      authorizationServer.jwksUrl,
    ],
  };
}

function deriveAuthorizationServer(host: string, origin: string, realm: string): AuthorizationServerEndpoints {
  const basePath = '/auth';
  const realmPath = `${basePath}/realms/${realm}`;
  const protocolPath = `${realmPath}/protocol/openid-connect`;
  // What Keycloak itself answers; under its own root it knows RFC 8414's form and OpenID's appended one.
  const oauthMetadata = `${basePath}${AUTHORIZATION_SERVER}/realms/${realm}`;
  const openidMetadata = `${realmPath}${OPENID_CONFIGURATION}`;
  return {
    host,
    baseUrl: `${origin}${basePath}`,
    basePath,
    issuer: `${origin}${realmPath}`,
    jwksUrl: `${origin}${protocolPath}/certs`,
    jwksPath: `${protocolPath}/certs`,
    metadataUrl: `${origin}${AUTHORIZATION_SERVER}${realmPath}`,
    metadataPaths: [
      { path: `${AUTHORIZATION_SERVER}${realmPath}`, upstreamPath: oauthMetadata },
      { path: `${OPENID_CONFIGURATION}${realmPath}`, upstreamPath: openidMetadata },
      { path: openidMetadata, upstreamPath: openidMetadata },
      // Clients from before protected resource metadata (2025-03-26) look on the MCP origin's root.
      { path: AUTHORIZATION_SERVER, upstreamPath: oauthMetadata },
    ],
    exactPaths: ['auth', 'token', 'certs', 'userinfo', 'revoke', 'logout'].map((endpoint) => `${protocolPath}/${endpoint}`),
    prefixPaths: [`${protocolPath}/logout/`, `${realmPath}/login-actions/`, `${basePath}/resources/`],
    registrationPath: `${realmPath}/clients-registrations/openid-connect`,
  };
}
