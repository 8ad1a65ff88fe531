import type { Response } from 'express';
import { annotate } from './logger.ts';

/** Why a request is refused. `reason` is for the log only: what is wrong with a token is not told to whoever sent it. */
export type Refusal =
  | { readonly kind: 'no-token' }
  | { readonly kind: 'malformed'; readonly description: string }
  | { readonly kind: 'invalid-token'; readonly reason: string }
  | { readonly kind: 'insufficient-scope'; readonly scopes: readonly string[] }
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
  readonly metadataUrl: string;
  readonly scopes: readonly string[];
}

/** A refusal on the wire. */
export interface Challenge {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly error: string; readonly error_description: string };
}

/** The one mapping from refusals to HTTP (RFC 6750 §3.1). */
export function challengeFor(refusal: Refusal, { metadataUrl, scopes }: Challenger): Challenge {
  // RFC 9728 §5.1: where a client that knows nothing but the URL finds the authorization server.
  const metadata = { resource_metadata: metadataUrl };
  switch (refusal.kind) {
    case 'no-token':
      // RFC 6750 §3.1: no error code for a request without credentials. MCP: the scope to ask for first.
      return {
        status: 401,
        headers: bearer({ ...metadata, scope: scopes[0] }),
        body: { error: 'invalid_token', error_description: 'An access token is needed' },
      };
    case 'invalid-token':
      return refused(401, 'invalid_token', 'The access token is expired or was not issued for this resource', { ...metadata, scope: scopes[0] });
    case 'malformed':
      return refused(400, 'invalid_request', refusal.description, metadata);
    case 'insufficient-scope':
      // Every scope that the operation needs, so that one step-up is enough (MCP, scope challenge handling).
      return refused(403, 'insufficient_scope', 'The operation needs more scopes', { ...metadata, scope: refusal.scopes.join(' ') });
    case 'keys-unavailable':
      return {
        status: 503,
        headers: { 'Retry-After': '5' },
        body: { error: 'temporarily_unavailable', error_description: 'Tokens cannot be checked at the moment' },
      };
  }
}

/** Answers with the challenge and notes the refusal for the log. */
export function refuse(res: Response, refusal: Refusal, challenger: Challenger): void {
  const { status, headers, body } = challengeFor(refusal, challenger);
  annotate(res, { refused: refusal.kind, reason: 'reason' in refusal ? refusal.reason : undefined });
  res.status(status).set({ 'Cache-Control': 'no-store', ...headers }).json(body);
}

function refused(status: number, error: string, description: string, parameters: Record<string, string | undefined>): Challenge {
  return { status, headers: bearer({ error, error_description: description, ...parameters }), body: { error, error_description: description } };
}

/** Values hold no quotes or backslashes: the settings refuse them, and the rest is written here. */
function bearer(parameters: Record<string, string | undefined>): Record<string, string> {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`);
  return { 'WWW-Authenticate': `Bearer ${pairs.join(', ')}` };
}
