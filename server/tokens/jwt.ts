import { errors, jwtVerify, type JWTHeaderParameters, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { RefusedError } from '../challenge.ts';
import { callerOf, CLOCK_TOLERANCE_SECONDS, shown } from './claims.ts';
import type { Keys, KeyStore } from './keys.ts';
import type { Verdict } from './verdicts.ts';

// Asymmetric only. A symmetric algorithm would let anyone sign with the public key as the secret (RFC 8725 §3.1).
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];

/** Judges JWTs for one resource: signature, issuer, audience, expiry, algorithm and type (RFC 9068 §4). */
export function judgeJwt(expected: { keys: KeyStore; issuer: string; audience: string }): (token: string) => Promise<Verdict> {
  const options = {
    issuer: expected.issuer,
    // Exactly this resource. A token for another server must not open this one (RFC 8707 §2, MCP authorization).
    audience: expected.audience,
    algorithms,
    requiredClaims: ['exp', 'sub'],
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
  };
  return async (token) => {
    let basis: Keys | undefined;
    const find: JWTVerifyGetKey = async (header, jws) => {
      basis = await expected.keys.current();
      try {
        return await basis(header, jws);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        basis = await expected.keys.afterUnknownKey();
        return basis(header, jws);
      }
    };
    const { payload, protectedHeader } = await jwtVerify(token, find, options).catch((error: unknown) => {
      throw error instanceof RefusedError ? error : invalid(reasonOf(error), error);
    });
    if (!isAccessToken(protectedHeader, payload)) throw invalid(`type is ${shown(protectedHeader.typ)}, payload typ is ${payload.typ === 'Bearer' ? '' : 'not '}Bearer`);
    // Bound to a key, and worth nothing without the proof, which is not asked for here: a thief has none (RFC 7800 §3, RFC 9449 §7.1).
    if (payload.cnf !== undefined) throw invalid('cnf binds it to a key');
    if (typeof payload.sub !== 'string' || payload.sub === '') throw invalid('sub is empty');
    return { caller: callerOf({ ...payload, sub: payload.sub, exp: payload.exp! }), basis };
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

function invalid(reason: string, cause?: unknown): RefusedError {
  return new RefusedError({ kind: 'invalid-token', reason }, { cause });
}

/** Why, for the log. Claims are shown only where the signature was good, and only those that hold URLs. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, payload, reason } = error;
    return claim === 'aud' || claim === 'iss' ? `${claim} is ${shown(payload[claim])}` : `${claim} is ${reason}`;
  }
  // What is no error of jose's comes from a published key that cannot be used, for example one that is too short.
  return error instanceof errors.JOSEError ? error.code : 'its key cannot be used';
}
