import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Caller } from './caller.ts';
import type { ServerSettings } from './settings.ts';

/** The headers that tell a backend who calls. */
export type IdentityHeaders = (caller: Caller) => Record<string, string> | Promise<Record<string, string>>;

const SIGNED_SECONDS = 60;
const KEY_ID = 'drawbridge';

/** Builds the identity headers that a server's settings ask for. */
export function createIdentity({ resource, backend }: ServerSettings, key: KeyObject | undefined): IdentityHeaders {
  switch (backend.identity) {
    case 'none':
      return () => ({});
    case 'plain':
      return plain;
    case 'signed':
      return async (caller) => ({ 'drawbridge-identity': await assertion(caller, resource, key!) });
  }
}

/** Percent-encoded, since a header takes no Unicode and a name must not end one. */
function plain({ subject, username, clientId, scopes, expiresAt }: Caller): Record<string, string> {
  return {
    'drawbridge-subject': encodeURIComponent(subject),
    ...(username !== undefined && { 'drawbridge-username': encodeURIComponent(username.toWellFormed()) }),
    'drawbridge-client': encodeURIComponent(clientId),
    'drawbridge-scopes': scopes.map(encodeURIComponent).join(' '),
    'drawbridge-expires': String(expiresAt),
  };
}

/** A JWT about the caller for one backend (RFC 7519). It is no access token: its type says so (RFC 8725 §3.11). */
function assertion({ subject, username, clientId, scopes }: Caller, resource: string, key: KeyObject): Promise<string> {
  return new SignJWT({ preferred_username: username, client_id: clientId, scope: scopes.join(' ') })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'drawbridge-identity+jwt', kid: KEY_ID })
    .setIssuer(new URL(resource).origin)
    .setAudience(resource)
    .setSubject(subject)
    .setIssuedAt()
    .setExpirationTime(`${SIGNED_SECONDS}s`)
    .sign(key);
}

/** The signing key of a 32-byte seed. */
export function identityKey(seed: string): KeyObject {
  // RFC 8410 §7: the fixed start of an Ed25519 key in PKCS #8, after which the seed follows.
  return createPrivateKey({ key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(seed, 'hex')]), format: 'der', type: 'pkcs8' });
}

/** The public half as a JWKS (RFC 7517 §5), for backends to check assertions with. */
export function identityJwks(key: KeyObject): object {
  return { keys: [{ ...createPublicKey(key).export({ format: 'jwk' }), kid: KEY_ID, alg: 'EdDSA', use: 'sig' }] };
}
