import { createRemoteJWKSet, errors, jwtVerify, type JWTHeaderParameters, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { RefusedError } from './challenge.ts';

/** Who calls, as far as the access token says. The token itself is not kept. */
export interface Caller {
  /** Stable user id at the issuer: the `sub` claim. */
  readonly subject: string;
  /** Name for people; not unique over time. */
  readonly username: string | undefined;
  /** The OAuth client that got the token. */
  readonly clientId: string;
  readonly scopes: readonly string[];
  /** Seconds since the epoch. */
  readonly expiresAt: number;
}

/** @throws RefusedError when the token is not acceptable, or when it cannot be checked because the keys are out of reach. */
export type Verify = (token: string) => Promise<Caller>;

// Asymmetric only. A symmetric algorithm would let anyone sign with the public key as the secret (RFC 8725 §3.1).
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];
const CLOCK_TOLERANCE_SECONDS = 5;
// At most one fetch in this time for unknown key ids, which anyone can make up. Short, so that a rotation is seen soon.
const COOL_DOWN_MILLISECONDS = 10_000;

/**
 * Signing keys of the authorization server, fetched when first needed and again when a token names an unknown key.
 * Keys stay cached for ten minutes, so that a shorter outage is not seen.
 */
export function createKeys(jwksUrl: string): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(new URL(jwksUrl), { cooldownDuration: COOL_DOWN_MILLISECONDS });
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys || error instanceof errors.JOSENotSupported) throw error;
      // Not 401: a client would throw a good token away and send its user to sign in, where the same outage waits.
      throw new RefusedError({ kind: 'keys-unavailable', reason: `no keys from ${jwksUrl}` }, { cause: error });
    }
  };
}

/** Verifies access tokens for one resource: signature, issuer, audience, expiry, algorithm and type (RFC 9068 §4). */
export function createVerifier(expected: { keys: JWTVerifyGetKey; issuer: string; audience: string }): Verify {
  const options = {
    issuer: expected.issuer,
    // Exactly this resource. A token for another server must not open this one (RFC 8707 §2, MCP authorization).
    audience: expected.audience,
    algorithms,
    requiredClaims: ['exp', 'sub'],
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
  };
  return async (token) => {
    const { payload, protectedHeader } = await jwtVerify(token, expected.keys, options).catch((error: unknown) => {
      throw error instanceof errors.JOSEError ? new RefusedError({ kind: 'invalid-token', reason: reasonOf(error) }) : error;
    });
    if (!isAccessToken(protectedHeader, payload))
      throw new RefusedError({ kind: 'invalid-token', reason: `type is ${shown(protectedHeader.typ)} with payload typ ${shown(payload.typ)}` });
    return callerOf(payload);
  };
}

/**
 * An ID token has the same issuer and signature and may have any audience, so only its type tells it apart. Keycloak
 * writes `JWT` into both headers and `Bearer` or `ID` into the payload, unless a client asks for RFC 9068's `at+jwt`.
 */
function isAccessToken(header: JWTHeaderParameters, payload: JWTPayload): boolean {
  const type = header.typ?.toLowerCase().replace(/^application\//, '');
  return type === 'at+jwt' || (type === 'jwt' && payload.typ === 'Bearer');
}

function callerOf(payload: JWTPayload): Caller {
  const text = (claim: unknown) => (typeof claim === 'string' ? claim : undefined);
  return {
    subject: payload.sub!,
    username: text(payload.preferred_username),
    clientId: text(payload.client_id) ?? text(payload.azp) ?? 'unknown',
    scopes: text(payload.scope)?.split(' ').filter(Boolean) ?? [],
    expiresAt: payload.exp!,
  };
}

/** Why, for the log. Claims are shown only where the signature was good, and only those that hold URLs. */
function reasonOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'expired';
  if (!(error instanceof errors.JWTClaimValidationFailed)) return error.code;
  const { claim, payload } = error;
  return claim === 'aud' || claim === 'iss' ? `${claim} is ${shown(payload[claim])}` : `${claim} is ${error.reason}`;
}

function shown(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 200);
}
