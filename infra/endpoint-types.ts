// The types of endpoints.ts, which makes them.
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
  readonly realmElsewhere?: Pick<AuthorizationServerEndpoints, 'baseUrl' | 'basePath' | 'issuer' | 'jwksUrl' | 'jwksPath' | 'metadataUrl' | 'exactPaths' | 'registrationPath'>;
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
