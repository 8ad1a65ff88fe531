/** Why a request is refused. `reason` is for the log only: what is wrong with a token is not told to whoever sent it. */
export type Refusal =
  | { readonly kind: 'no-token' }
  | { readonly kind: 'malformed'; readonly description: string }
  | { readonly kind: 'invalid-token'; readonly reason: string }
  | { readonly kind: 'insufficient-scope'; readonly scopes: readonly string[] }
  | { readonly kind: 'not-allowed'; readonly who: string }
  | { readonly kind: 'too-many-requests'; readonly retryAfterSeconds: number; readonly reason: string }
  | { readonly kind: 'keys-unavailable'; readonly reason: string };

export class RefusedError extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal, options?: ErrorOptions) {
    super(refusal.kind, options);
    this.name = 'RefusedError';
    this.refusal = refusal;
  }
}

/** What a challenge tells about the protected resource. */
export interface Challenger {
  readonly name: string;
  /** None where there is no authorization server to find. */
  readonly metadataUrl?: string | undefined;
  readonly scopes: readonly string[];
}

/** A refusal on the wire. */
export interface Challenge {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly error: string; readonly error_description: string };
}

/** The one mapping from refusals to HTTP (RFC 6750 §3.1). */
export function challengeFor(refusal: Refusal, { name, metadataUrl, scopes }: Challenger): Challenge {
  // RFC 9728 §5.1: where a client that knows nothing but the URL finds the authorization server. Static tokens have none, and
  // a challenge needs a parameter all the same (RFC 9110 §11.3).
  const metadata: Record<string, string> = metadataUrl === undefined ? { realm: name } : { resource_metadata: metadataUrl };
  const scope: Record<string, string> = metadataUrl === undefined ? {} : { scope: scopes[0]! };
  switch (refusal.kind) {
    case 'no-token':
      // RFC 6750 §3.1: no error code for a request without credentials. MCP: the scope to ask for first.
      return {
        status: 401,
        headers: bearer({ ...metadata, ...scope }),
        body: { error: 'invalid_token', error_description: 'An access token is needed' },
      };
    case 'invalid-token':
      return refused(401, 'invalid_token', 'The access token is expired or was not issued for this resource', { ...metadata, ...scope });
    case 'malformed':
      return refused(400, 'invalid_request', refusal.description, metadata);
    case 'insufficient-scope':
      // Every scope that the operation needs, so that one step-up is enough (MCP, scope challenge handling).
      return refused(403, 'insufficient_scope', 'The operation needs more scopes', { ...metadata, scope: refusal.scopes.join(' ') });
    case 'not-allowed':
      // No challenge: no other token of this user would do.
      return {
        status: 403,
        headers: {},
        body: { error: 'access_denied', error_description: `The user ${refusal.who} is not on the list of those who may use the server ${name}. Whoever runs it can add you to its allowlist.` },
      };
    case 'too-many-requests':
      return {
        status: 429,
        headers: { 'Retry-After': String(refusal.retryAfterSeconds) },
        body: { error: 'too_many_requests', error_description: `Too many requests: try again in ${refusal.retryAfterSeconds} s` },
      };
    case 'keys-unavailable':
      return {
        status: 503,
        headers: { 'Retry-After': '5' },
        body: { error: 'temporarily_unavailable', error_description: 'Tokens cannot be checked at the moment' },
      };
  }
}

function refused(status: number, error: string, description: string, parameters: Record<string, string>): Challenge {
  return { status, headers: bearer({ error, error_description: description, ...parameters }), body: { error, error_description: description } };
}

/** Values hold no quotes or backslashes: the settings refuse them, and the rest is written here. */
function bearer(parameters: Record<string, string>): Record<string, string> {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`);
  return { 'WWW-Authenticate': `Bearer ${pairs.join(', ')}` };
}
