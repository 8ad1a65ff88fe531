import type { Message } from '../messages.ts';

export const clientNames = ['claude', 'claude-code', 'chatgpt', 'vscode', 'cursor', 'inspector'] as const;
export type ClientName = (typeof clientNames)[number];

/** What a client has found out before it registers. */
export interface Discovered {
  /** The `scope` of the challenge (RFC 6750 §3). */
  readonly challenged?: string;
  /** `scopes_supported` of the resource and of the authorization server. */
  readonly ofResource?: readonly string[];
  readonly ofServer?: readonly string[];
  readonly grants?: readonly string[];
  readonly authMethods: readonly string[];
}

/** An MCP client, as servers see it. */
export interface Client {
  readonly name: ClientName;
  readonly title: string;
  /** Called from its vendor's cloud: it reaches public addresses only, on port 443, with certificates that everyone trusts. */
  readonly hosted: boolean;
  /** User agents: of its discovery, and of its calls. */
  readonly agents: { readonly discovery: string; readonly calls: string };
  /** The origin of its page, where documents are fetched by a browser. */
  readonly origin?: string;
  /** What it says first, without a token; the next where the one before is not understood. */
  readonly openings: readonly Message[];
  /** What it asks for when its user types a URL. */
  readonly resource: (typed: URL) => string;
  /** How it compares the `resource` of the metadata with that. `prefix`: same origin, and a path above it (the SDK's rule). */
  readonly comparesResource: 'exactly' | 'prefix';
  /** How it compares the issuer of metadata with the one it asked for (RFC 8414 §3.3). `but for a slash`: metadata may lack the slash at its end (SDK v2). */
  readonly comparesIssuer: 'exactly' | 'but for a slash' | 'never';
  /** It makes nothing of the whole host's metadata for a server with a path. */
  readonly stopsAtRoot?: boolean;
  readonly ipv4Only?: boolean;
  /** Where it looks for protected resource metadata, in its order. @param named by the challenge */
  readonly resourceMetadata: (named: string | undefined, resource: URL) => readonly string[];
  /** Where it looks for authorization server metadata, in its order. */
  readonly serverMetadata: (issuer: URL, resource: URL) => readonly string[];
  /** Its client id metadata document, whose URL is its id (CIMD). */
  readonly document?: { readonly url: string; /** Only where metadata lists `none` for the token endpoint. */ readonly needsNone?: boolean };
  /** The first is the one that it uses with its own registration. */
  readonly redirectUris: readonly string[];
  /** What it registers (RFC 7591 §2) beside its redirect URIs. */
  readonly registration: (found: Discovered) => Readonly<Record<string, unknown>>;
  readonly scope: (found: Discovered) => string | undefined;
  /** Where its user gives it a client id of their own. */
  readonly ownId: string;
  /** How long it waits for one document, in milliseconds, where that is known. */
  readonly patience?: number;
}

export const standardGrants = { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] };

/** RFC 9728 §3.1. */
export const pathInserted = ({ origin, pathname }: URL): string => `${origin}/.well-known/oauth-protected-resource${pathname === '/' ? '' : pathname}`;
export const atRoot = ({ origin }: URL): string => `${origin}/.well-known/oauth-protected-resource`;

/** The URL that the challenge names; without one, path-inserted, then the root (MCP 2025-11-25, SEP-985). */
export const whereChallenged = (named: string | undefined, resource: URL): string[] => (named ? [named] : [...new Set([pathInserted(resource), atRoot(resource)])]);

/** RFC 8414 §3.1, then OpenID Discovery with the path inserted, then with the path before: the order of the MCP specification. */
export function inSpecificationOrder({ origin, pathname }: URL): string[] {
  const path = pathname.replace(/\/$/, '');
  return [...new Set([`${origin}/.well-known/oauth-authorization-server${path}`, `${origin}/.well-known/openid-configuration${path}`, `${origin}${path}/.well-known/openid-configuration`])];
}

export const asTyped = (typed: URL): string => typed.href;
export const withoutSlash = (typed: URL): string => typed.href.replace(/\/+$/, '');

/** The scopes of the challenge, or of the resource. */
export const challengedScope = ({ challenged, ofResource }: Discovered): string | undefined => challenged ?? ofResource?.join(' ');

/** And `offline_access` where the authorization server lists it (SEP-2207). */
export function withOffline(found: Discovered): string | undefined {
  const scope = challengedScope(found);
  return scope && found.ofServer?.includes('offline_access') && !scope.split(' ').includes('offline_access') ? `${scope} offline_access` : scope;
}
