import { exportJWK, exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT, type CryptoKey } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AUDIENCE, TokensRoom, withKeys } from '../support/tokens-room.ts';

const now = () => Math.floor(Date.now() / 1000);
let room: TokensRoom;

beforeAll(async () => {
  room = await TokensRoom.open(withKeys);
});
afterAll(() => room.close());

describe('a signed access token', () => {
  it('says who calls', async () => {
    const exp = now() + 300;
    expect(await room.verify(await room.issuer.token({ exp }))).toEqual({
      subject: 'f6a3c1d2-alice',
      username: 'alice',
      groups: [],
      clientId: 'a-client',
      scopes: ['openid', 'mcp:read'],
      expiresAt: exp,
    });
  });

  it('may have the type at+jwt (RFC 9068 §2.1) and several audiences', async () => {
    expect(await room.refusal(await room.issuer.token({ typ: undefined, aud: ['account', AUDIENCE] }, { typ: 'at+jwt' }))).toBeUndefined();
    expect(await room.refusal(await room.issuer.token({ typ: undefined }, { typ: 'application/AT+JWT' }))).toBeUndefined();
  });

  it('may be signed with elliptic curves', async () => {
    const other = await generateKeyPair('ES256', { extractable: true });
    const before = room.issuer.publicKey;
    const key = { ...(await exportJWK(other.publicKey)), kid: 'curve', use: 'sig' };
    room.issuer.routes['/certs'] = (_req, res) => void res.end(JSON.stringify({ keys: [before, key] }));
    const inner = await TokensRoom.open(() => withKeys(room.issuer));
    expect(await inner.refusal(await room.issuer.token({}, { alg: 'ES256', kid: 'curve' }, other.privateKey))).toBeUndefined();
    await inner.close();
    delete room.issuer.routes['/certs'];
  });

  it('gives the e-mail address only when it is verified: an unverified one is whatever its owner typed', async () => {
    const email = async (verified: unknown) => {
      const caller = await room.verify(await room.issuer.token({ email: 'alice@example.org', email_verified: verified }));
      return caller.email;
    };
    expect(await email(true)).toBe('alice@example.org');
    for (const verified of [false, undefined, 'true', 1]) expect(await email(verified)).toBeUndefined();
  });

  it('gives the groups without the leading slash of Keycloak, and none where the claim is no list', async () => {
    const groups = async (claim: unknown) => (await room.verify(await room.issuer.token({ groups: claim }))).groups;
    expect(await groups(['/staff/writers', 'readers', '//odd', 7])).toEqual(['staff/writers', 'readers', '/odd']);
    for (const claim of ['/staff', { 0: '/staff' }, null, undefined]) expect(await groups(claim)).toEqual([]);
  });

  const refused: [string, string, () => string | Promise<string>][] = [
    ['garbage', 'ERR_JWS_INVALID', () => 'garbage'],
    ['the empty string', 'ERR_JWS_INVALID', () => ''],
    ['three parts of garbage', 'ERR_JWS_INVALID', () => 'e30.e30.e30'],
    ['alg none (RFC 8725 §3.1)', 'ERR_JOSE_ALG_NOT_ALLOWED', () => new UnsecuredJWT({ typ: 'Bearer', sub: 'alice' }).setIssuer(room.issuer.issuer).setAudience(AUDIENCE).setExpirationTime('5m').encode()],
    ['HS256 with the public key as the secret (RFC 8725 §3.1)', 'ERR_JOSE_ALG_NOT_ALLOWED', async () => {
      const secret = new TextEncoder().encode(await exportSPKI((await importJWK(room.issuer.publicKey, 'RS256', { extractable: true })) as CryptoKey));
      return new SignJWT({ typ: 'Bearer', sub: 'alice' })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid: room.issuer.publicKey.kid })
        .setIssuer(room.issuer.issuer).setAudience(AUDIENCE).setExpirationTime('5m').sign(secret);
    }],
    ['a signature by another key under a known key id', 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED', async () => room.issuer.token({}, {}, (await generateKeyPair('RS256')).privateKey)],
    ['another audience (RFC 8707 §2)', 'aud is "https://other.example.org/mcp"', () => room.issuer.token({ aud: 'https://other.example.org/mcp' })],
    ['the audience with a trailing slash', `aud is "${AUDIENCE}/"`, () => room.issuer.token({ aud: `${AUDIENCE}/` })],
    ['the origin as audience', 'aud is "https://mcp.example.org"', () => room.issuer.token({ aud: 'https://mcp.example.org' })],
    ['no audience', 'aud is missing', () => room.issuer.token({ aud: undefined })],
    ['another issuer', 'iss is "https://mcp.example.org/auth/realms/other"', () => room.issuer.token({ iss: 'https://mcp.example.org/auth/realms/other' })],
    ['no issuer', 'iss is missing', () => room.issuer.token({ iss: undefined })],
    ['an expiry in the past', 'expired', () => room.issuer.token({ exp: now() - 60 })],
    ['no expiry', 'exp is missing', () => room.issuer.token({ exp: undefined })],
    ['an expiry that is no number', 'exp is invalid', () => room.issuer.token({ exp: 'tomorrow' as never })],
    ['a start in the future', 'nbf is check_failed', () => room.issuer.token({ nbf: now() + 60 })],
    ['no subject, which would mix the data of all users', 'sub is missing', () => room.issuer.token({ sub: undefined })],
    ['a subject that is no text', 'sub is empty', () => room.issuer.token({ sub: 7 as never })],
    ['the payload type of an ID token, even with the right audience', 'type is "JWT", payload typ is not Bearer', () => room.issuer.token({ typ: 'ID' })],
    ['the payload type of a refresh token', 'type is "JWT", payload typ is not Bearer', () => room.issuer.token({ typ: 'Refresh' })],
    ['a key that it is bound to (RFC 9449 §7.1)', 'cnf binds it to a key', () => room.issuer.token({ cnf: { jkt: 'x' } } as never)],
    ['a certificate that it is bound to (RFC 8705 §3.1)', 'cnf binds it to a key', () => room.issuer.token({ typ: undefined, cnf: { 'x5t#S256': 'x' } } as never, { typ: 'at+jwt' })],
    ['no type in the payload', 'type is "JWT", payload typ is not Bearer', () => room.issuer.token({ typ: undefined })],
    ['no type in the header', 'type is missing, payload typ is Bearer', () => room.issuer.token({}, { typ: undefined })],
    ['the header type of a logout token', 'type is "logout+jwt", payload typ is Bearer', () => room.issuer.token({}, { typ: 'logout+jwt' })],
  ];
  it.each(refused)('is refused with %s, for a reason that the log may hold: %s', async (_what, reason, make) => {
    expect(await room.refusal(await make())).toEqual({ kind: 'invalid-token', reason });
  });

  it('is refused, not an error of the server, when the published key cannot be used', async () => {
    room.issuer.routes['/certs'] = (_req, res) => void res.end(JSON.stringify({ keys: [{ ...room.issuer.publicKey, n: '!' }] }));
    const inner = await TokensRoom.open(() => withKeys(room.issuer));
    expect(await inner.refusal(await room.issuer.token())).toEqual({ kind: 'invalid-token', reason: 'its key cannot be used' });
    await inner.close();
    delete room.issuer.routes['/certs'];
  });

  it('for one server is refused by another behind the same host', async () => {
    const files = room.tokens.verifier('https://mcp.example.org/files', ['files:read']);
    const token = await room.issuer.token();
    expect(await room.refusal(token)).toBeUndefined();
    // Also now that the first server knows the token.
    expect(await room.refusal(token, files)).toEqual({ kind: 'invalid-token', reason: `aud is "${AUDIENCE}"` });
    expect(await room.refusal(await room.issuer.token({ aud: 'https://mcp.example.org/files' }), files)).toBeUndefined();
  });

  it('is needed by every request', () => {
    expect(room.tokens.required).toBe(true);
  });
});
