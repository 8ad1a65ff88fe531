import type { JWTPayload } from 'jose';
import type { Caller } from '../caller.ts';

/** How far the clocks of the authorization server and of this machine may be apart. */
export const CLOCK_TOLERANCE_SECONDS = 5;

/** The caller in claims that were checked, of a token or of an introspection response (RFC 9068 §2.2, RFC 7662 §2.2). */
export function callerOf(claims: JWTPayload & { sub: string; exp: number }): Caller {
  return {
    subject: claims.sub,
    username: text(claims.preferred_username) ?? text(claims.username),
    email: claims.email_verified === true ? text(claims.email) : undefined,
    groups: groupsOf(claims.groups),
    clientId: text(claims.client_id) ?? text(claims.azp) ?? 'unknown',
    scopes: text(claims.scope)?.split(' ').filter(Boolean) ?? [],
    expiresAt: claims.exp,
  };
}

/** Keycloak writes group paths, `/staff/writers`. */
function groupsOf(claim: unknown): string[] {
  const groups = Array.isArray(claim) ? claim.filter((group) => typeof group === 'string') : [];
  return groups.map((group) => group.replace(/^\//, ''));
}

function text(claim: unknown): string | undefined {
  return typeof claim === 'string' ? claim : undefined;
}

/** A claim that holds URLs, for the log. */
export function shown(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 200);
}
