/** A JSON-RPC message, as a client sends it. */
export interface Message {
  readonly jsonrpc: '2.0';
  readonly id?: number;
  readonly method: string;
  readonly params?: Record<string, unknown>;
}

/** What a client has found out before it registers. */
export interface Discovered {
  /** The `scope` of the challenge (RFC 6750 §3). */
  readonly challenged: string;
  /** Protected resource metadata (RFC 9728 §2). */
  readonly resource: { readonly resource: string; readonly authorization_servers: readonly string[]; readonly scopes_supported: readonly string[] };
  readonly server: AuthorizationServer;
}

/** Authorization server metadata (RFC 8414 §2). */
export interface AuthorizationServer {
  readonly issuer: string;
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
  readonly registration_endpoint: string;
  readonly scopes_supported: readonly string[];
  readonly grant_types_supported: readonly string[];
  readonly token_endpoint_auth_methods_supported: readonly string[];
}

/** An MCP client of the field that cannot run here, as it is seen from outside: what it sends, in its own order. */
export interface FieldClient {
  /** Its name in the config key `clients`. */
  readonly name: string;
  /** Headers of its own on every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** What it says first, without a token. */
  readonly opening: Message;
  /** Where it looks for protected resource metadata, in its order. */
  readonly resourceMetadata: (challenged: string, resource: URL) => readonly string[];
  /** Where it looks for authorization server metadata, in its order. */
  readonly serverMetadata: (issuer: URL, resource: URL) => readonly string[];
  /** What it registers (RFC 7591 §2). The first redirect URI is the one it then uses; the last, with an id that it was given. */
  readonly registration: (found: Discovered) => { readonly redirect_uris: readonly string[] } & Readonly<Record<string, unknown>>;
  readonly scope: (found: Discovered) => string;
  readonly state: string;
  /** What it says once it has a token; the messages of one line go out at the same moment. */
  readonly conversation: readonly (readonly Message[])[];
  /** Whether it sends back the session id that it was given. */
  readonly keepsSession: boolean;
  /** Whether it opens a stream of its own with GET. */
  readonly opensStream: boolean;
}

/** RFC 8414 §3.1, then OpenID Discovery with the path inserted, then with the path before: the order of the MCP specification. */
export const inSpecificationOrder = ({ origin, pathname }: URL): string[] => [
  `${origin}/.well-known/oauth-authorization-server${pathname}`,
  `${origin}/.well-known/openid-configuration${pathname}`,
  `${origin}${pathname}/.well-known/openid-configuration`,
];

export const whereChallenged = (challenged: string): string[] => [challenged];

/** The scopes of the challenge, and `offline_access` where the authorization server lists it (SEP-2207). */
export const challengedAndOffline = ({ challenged, server }: Discovered): string =>
  server.scopes_supported.includes('offline_access') ? `${challenged} offline_access` : challenged;

export const request = (id: number, method: string, params: Record<string, unknown> = {}): Message => ({ jsonrpc: '2.0', id, method, params });
export const callWhoami = (id: number): Message => request(id, 'tools/call', { name: 'whoami', arguments: {} });
export const initialized: Message = { jsonrpc: '2.0', method: 'notifications/initialized' };
