import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { TokenIssuer } from '../support/token-issuer.ts';
import { AUDIENCE, SCOPES, TokensRoom } from '../support/tokens-room.ts';

const seconds = () => Math.floor(Date.now() / 1000);
const pass = (milliseconds: number) => vi.setSystemTime(Date.now() + milliseconds);
const known = (answer: unknown) => !(answer instanceof Promise);
/** A colon and other characters that must be encoded first (RFC 6749 §2.3.1). */
const client = { clientId: 'gate:way', clientSecret: 'a+b c/ü' };

let room: TokensRoom;
let asked: { method: string | undefined; headers: IncomingHttpHeaders; form: Record<string, string> }[];
let response: Record<string, unknown>;
let answer: (res: ServerResponse) => void;

function publish(issuer: TokenIssuer): void {
  const metadata = { issuer: issuer.issuer, introspection_endpoint: issuer.url('/introspect'), code_challenge_methods_supported: ['S256'], registration_endpoint: 'https://mcp.example.org/register' };
  issuer.routes['/metadata'] = (_req, res) => void res.end(JSON.stringify(metadata));
  issuer.routes['/introspect'] = async (req, res) => {
    asked.push({ method: req.method, headers: req.headers, form: Object.fromEntries(new URLSearchParams(await text(req))) });
    answer(res);
  };
}

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  asked = [];
  answer = (res) => void res.end(JSON.stringify(response));
  room = await TokensRoom.open((issuer) => ({ kind: 'introspection', issuer: issuer.issuer, metadataUrls: [issuer.url('/metadata')], ...client }), publish);
  response = {
    active: true,
    iss: room.issuer.issuer,
    aud: AUDIENCE,
    sub: 'f6a3c1d2-alice',
    username: 'alice',
    client_id: 'a-client',
    scope: 'openid mcp:read',
    token_type: 'Bearer',
    exp: seconds() + 300,
  };
});
afterEach(async () => {
  vi.useRealTimers();
  await room.close();
});

describe('introspection (RFC 7662)', () => {
  it('posts the token as a form, with the credentials of a client of its own, each encoded (RFC 6749 §2.3.1)', async () => {
    await room.verify('opaque+token=');
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({ method: 'POST', form: { token: 'opaque+token=', token_type_hint: 'access_token' } });
    expect(asked[0]!.headers['content-type']).toMatch(/^application\/x-www-form-urlencoded/);
    const [scheme, credentials] = asked[0]!.headers.authorization!.split(' ');
    expect([scheme, Buffer.from(credentials!, 'base64').toString()]).toEqual(['Basic', 'gate%3Away:a%2Bb%20c%2F%C3%BC']);
  });

  it('says who calls', async () => {
    Object.assign(response, { groups: ['/staff'], email: 'alice@example.org', email_verified: true });
    expect(await room.verify('token')).toEqual({
      subject: 'f6a3c1d2-alice',
      username: 'alice',
      email: 'alice@example.org',
      groups: ['staff'],
      clientId: 'a-client',
      scopes: ['openid', 'mcp:read'],
      expiresAt: response.exp,
    });
  });

  it.each<[string, Record<string, unknown>]>([
    ['several audiences', { aud: ['account', AUDIENCE] }],
    ['no issuer, no token type and no expiry, which are optional (§2.2)', { iss: undefined, token_type: undefined, exp: undefined }],
    ['a token type in lower case (RFC 6749 §5.1)', { token_type: 'bearer' }],
    ["Keycloak's type of an access token", { typ: 'Bearer' }],
  ])('accepts %s', async (_what, change) => {
    Object.assign(response, change);
    expect(await room.refusal('token')).toBeUndefined();
  });

  it.each<[string, string, Record<string, unknown>]>([
    ['a token that is not active', 'not active', { active: false }],
    ['active as text', 'not active', { active: 'true' }],
    ['a response that does not say', 'not active', { active: undefined }],
    ['another issuer', 'iss is "https://other.example.org"', { iss: 'https://other.example.org' }],
    ['another audience', 'aud is "https://mcp.example.org/files"', { aud: 'https://mcp.example.org/files' }],
    ['no audience: it could be for any server', 'aud is missing', { aud: undefined }],
    ['an audience that only contains the right one', `aud is "${AUDIENCE}/other"`, { aud: `${AUDIENCE}/other` }],
    ['an expiry in the past', 'expired', { exp: 1 }],
    ['an expiry that is no number', 'expired', { exp: 'tomorrow' }],
    ['no subject', 'sub is missing', { sub: undefined }],
    ['an empty subject', 'sub is missing', { sub: '' }],
    ['a token that is bound to a key, whatever its type (RFC 7800 §3)', 'cnf binds it to a key', { cnf: { jkt: 'x' } }],
    ['a token of the type DPoP (RFC 9449 §6.2)', 'token_type is another than Bearer', { token_type: 'DPoP' }],
    ["Keycloak's refresh tokens", 'typ is another than Bearer', { typ: 'Refresh' }],
  ])('refuses %s', async (_what, reason, change) => {
    Object.assign(response, change);
    expect(await room.refusal('token')).toEqual({ kind: 'invalid-token', reason });
  });

  it('asks once for all who wait, and at most once a minute', async () => {
    await Promise.all(Array.from({ length: 10 }, () => room.verify('token')));
    expect(asked).toHaveLength(1);
    pass(59_999);
    expect(known(room.verify('token'))).toBe(true);
    pass(1);
    await room.verify('token');
    expect(asked).toHaveLength(2);
  });

  it('believes no verdict longer than the token lives', async () => {
    response.exp = seconds() + 10;
    await room.verify('token');
    pass(15_000);
    response.active = false;
    expect(await room.refusal('token')).toEqual({ kind: 'invalid-token', reason: 'not active' });
  });

  it('asks again about a token that was refused', async () => {
    response.active = false;
    await room.refusal('token');
    response.active = true;
    expect(await room.refusal('token')).toBeUndefined();
  });

  it('asks for each audience on its own', async () => {
    await room.verify('token');
    expect(await room.refusal('token', room.tokens.verifier('https://mcp.example.org/files', SCOPES))).toMatchObject({ kind: 'invalid-token' });
  });

  it.each<[string, string, (res: ServerResponse) => void]>([
    ['answers 500', ' answered 500', (res) => res.writeHead(500).end()],
    ['refuses the credentials: the fault is not in the token', ' answered 401: it refuses the credentials in drawbridge:authorizationServer.introspection', (res) => res.writeHead(401).end()],
    ['redirects, which would hand token and secret to somebody else', ' answered 307', (res) => res.writeHead(307, { Location: '/elsewhere' }).end()],
    ['answers more than 256 KiB', ' answered more than 262144 bytes', (res) => res.end(`{"active":true,"x":"${'x'.repeat(300_000)}"}`)],
    ['answers no JSON', ' answered no JSON object', (res) => res.end('active')],
    ['breaks the connection', ' is out of reach (UND_ERR_SOCKET)', (res) => res.destroy()],
  ])('gives 503, not 401, when the endpoint %s', async (_what, problem, broken) => {
    const elsewhere = vi.fn();
    room.issuer.routes['/elsewhere'] = elsewhere;
    const whole = answer;
    answer = broken;
    const reason = `${room.issuer.url('/introspect')}${problem}`;
    expect(await room.refusal('token')).toEqual({ kind: 'keys-unavailable', reason });
    expect(room.tokens.problem()).toBe(reason);
    answer = whole;
    expect(await room.refusal('token')).toBeUndefined();
    expect(room.tokens.problem()).toBeUndefined();
    expect(elsewhere).not.toHaveBeenCalled();
  });

  it('serves known tokens through an outage, as long as their verdicts last', async () => {
    await room.verify('token');
    room.issuer.down = true;
    pass(59_999);
    expect(known(room.verify('token'))).toBe(true);
    expect(await room.refusal('other')).toMatchObject({ kind: 'keys-unavailable' });
    pass(1);
    expect(await room.refusal('token')).toMatchObject({ kind: 'keys-unavailable' });
  });

  it('recovers without a request, when readiness is asked for', async () => {
    room.issuer.down = true;
    await room.refusal('token');
    room.issuer.down = false;
    await vi.waitFor(() => expect(room.tokens.problem()).toBeUndefined());
  });

  it('logs neither tokens nor credentials nor claims', async () => {
    await room.verify('opaque-token');
    answer = (res) => void res.writeHead(401).end('opaque-token');
    await room.refusal('opaque-token-2');
    expect(room.log).toHaveLength(1);
    expect(room.log.join()).not.toMatch(/opaque|gate|alice|a\+b/);
  });
});
