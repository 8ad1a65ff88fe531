import { decodeJwt, type JWTPayload } from 'jose';
import type { Exchange } from '../exchange.ts';

/** What is known of an access token, or why there is none. */
export interface TokenFacts {
  /** What it says of itself; nothing where it is opaque. Its signature is the server's to check. */
  readonly claims?: JWTPayload;
  /** Whether a refresh token came with it, where that was seen. */
  readonly refreshable?: boolean;
  /** Why a sign-in came to none. */
  readonly problem?: string;
  /** The token request. */
  readonly exchange?: Exchange;
  /** Id of the client that was registered for the sign-in, and could not be deleted again. */
  left?: string;
}

export function tokenFacts(token: string): TokenFacts {
  try {
    return { claims: decodeJwt(token) };
  } catch {
    return {};
  }
}
