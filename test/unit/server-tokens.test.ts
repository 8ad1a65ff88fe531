import { request } from 'node:http';
import { exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT, type CryptoKey } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callTool, initialize, messageOf, METADATA_URL, serverEntry, ServerRoom } from '../support/server-room.ts';

const now = () => Math.floor(Date.now() / 1000);
let room: ServerRoom;
const sent: string[] = [];

/** Sends the token the right way and remembers it, to look for it in the log at the end. */
async function present(token: string): Promise<Response> {
  sent.push(token);
  return room.post(initialize(), token);
}

beforeAll(async () => {
  room = await ServerRoom.open();
});
afterAll(() => room.close());

describe('an access token', () => {
  it('opens the server when issuer, audience, expiry, algorithm and type are right', async () => {
    const response = await present(await room.issuer.token());
    expect(response.status).toBe(200);
    expect((await messageOf(response)).result).toMatchObject({ serverInfo: { name: 'drawbridge' } });
  });

  it('may have the type at+jwt (RFC 9068 §2.1) and several audiences', async () => {
    expect((await present(await room.issuer.token({ typ: undefined, aud: ['account', 'https://mcp.example.org/mcp'] }, { typ: 'at+jwt' }))).status).toBe(200);
    expect((await present(await room.issuer.token({}, { typ: 'application/at+jwt' }))).status).toBe(200);
  });

  it('may come with a scheme in any case (RFC 9110 §11.1)', async () => {
    const response = await room.post(initialize(), undefined, { headers: { Authorization: `bearer ${await room.issuer.token()}` } });
    expect(response.status).toBe(200);
  });

  const refused: [string, () => string | Promise<string>][] = [
    ['garbage', () => 'garbage'],
    ['three parts of garbage', () => 'e30.e30.e30'],
    ['alg none (RFC 8725 §3.1)', () => new UnsecuredJWT({ typ: 'Bearer', sub: 'alice', scope: 'mcp:read' }).setIssuer(room.issuer.issuer).setAudience('https://mcp.example.org/mcp').setExpirationTime('5m').encode()],
    ['HS256 with the public key as the secret (RFC 8725 §3.1)', async () => {
      const secret = new TextEncoder().encode(await exportSPKI((await importJWK(room.issuer.publicKey, 'RS256', { extractable: true })) as CryptoKey));
      return new SignJWT({ typ: 'Bearer', sub: 'alice', scope: 'mcp:read' })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid: room.issuer.publicKey.kid })
        .setIssuer(room.issuer.issuer).setAudience('https://mcp.example.org/mcp').setExpirationTime('5m').sign(secret);
    }],
    ['a signature by another key under a known key id', async () => room.issuer.token({}, {}, (await generateKeyPair('RS256')).privateKey)],
    ['another audience (RFC 8707 §2)', () => room.issuer.token({ aud: 'https://other.example.org/mcp' })],
    ['the audience with a trailing slash', () => room.issuer.token({ aud: 'https://mcp.example.org/mcp/' })],
    ['the origin as audience', () => room.issuer.token({ aud: 'https://mcp.example.org' })],
    ['no audience', () => room.issuer.token({ aud: undefined })],
    ['another issuer', () => room.issuer.token({ iss: 'https://mcp.example.org/auth/realms/other' })],
    ['the issuer without /auth', () => room.issuer.token({ iss: 'https://mcp.example.org/realms/main' })],
    ['no issuer', () => room.issuer.token({ iss: undefined })],
    ['an expiry in the past', () => room.issuer.token({ exp: now() - 60 })],
    ['no expiry', () => room.issuer.token({ exp: undefined })],
    ['an expiry that is no number', () => room.issuer.token({ exp: 'tomorrow' as never })],
    ['a start in the future', () => room.issuer.token({ nbf: now() + 60 })],
    ['no subject, which would mix the data of all users', () => room.issuer.token({ sub: undefined })],
    ['the payload type of an ID token, even with the right audience', () => room.issuer.token({ typ: 'ID' })],
    ['the payload type of a refresh token', () => room.issuer.token({ typ: 'Refresh' })],
    ['no type at all', () => room.issuer.token({ typ: undefined })],
    ['the header type of a logout token', () => room.issuer.token({}, { typ: 'logout+jwt' })],
  ];
  it.each(refused)('gets 401 invalid_token with %s', async (_what, make) => {
    const response = await present(await make());
    expect(response.status).toBe(401);
    expect(response.headers.get('WWW-Authenticate')).toBe(
      `Bearer error="invalid_token", error_description="The access token is expired or was not issued for this resource", resource_metadata="${METADATA_URL}", scope="mcp:read"`,
    );
    expect(await response.json()).toMatchObject({ error: 'invalid_token' });
  });

  it('is refused with a reason in the log that names the wrong audience, and no reason on the wire', async () => {
    const response = await present(await room.issuer.token({ aud: 'https://mcp.example.org/mcp/' }));
    expect(await response.text()).not.toContain('aud');
    expect(room.lines().at(-1)).toMatchObject({ status: 401, refused: 'invalid-token', reason: 'aud is "https://mcp.example.org/mcp/"' });
  });
});

describe('a request without a usable token', () => {
  it('gets 401 with resource_metadata and the base scope, and no error code (RFC 9728 §5.1, RFC 6750 §3.1)', async () => {
    const response = await room.post(initialize());
    expect(response.status).toBe(401);
    expect(response.headers.get('WWW-Authenticate')).toBe(`Bearer resource_metadata="${METADATA_URL}", scope="mcp:read"`);
  });

  it.each(['GET', 'DELETE', 'HEAD', 'PUT'])('gets that 401 for %s too, before anything about the method', async (method) => {
    const response = await fetch(room.url(), { method });
    expect(response.status).toBe(401);
    expect(response.headers.get('WWW-Authenticate')).toContain('resource_metadata');
  });

  it('gets 401 for a scheme other than Bearer', async () => {
    const response = await room.post(initialize(), undefined, { headers: { Authorization: 'Basic YTpi' } });
    expect(response.status).toBe(401);
  });

  it.each(['?access_token=', '?a=b&access_token=', '?%61ccess_token='])('gets 400 invalid_request for a token in the URL, %s (RFC 6750 §5.3)', async (query) => {
    const token = await room.issuer.token();
    sent.push(token);
    for (const authorization of [undefined, token]) {
      const response = await room.post(initialize(), authorization, {}, `/mcp${query}${token}`);
      expect(response.status).toBe(400);
      expect(response.headers.get('WWW-Authenticate')).toContain('error="invalid_request"');
    }
  });

  it('gets 401 for a token in a form body (RFC 6750 §2.2)', async () => {
    const response = await fetch(room.url(), { method: 'POST', body: new URLSearchParams({ access_token: await room.issuer.token() }) });
    expect(response.status).toBe(401);
  });

  it.each(['Bearer', 'Bearer a b', 'Bearer "a"', 'Bearer a,Bearer b'])('gets 400 for the malformed header %s (RFC 6750 §3.1)', async (header) => {
    expect((await room.post(initialize(), undefined, { headers: { Authorization: header } })).status).toBe(400);
  });

  it('gets 400 for two Authorization headers, even when the first is good', async () => {
    const good = `Bearer ${await room.issuer.token()}`;
    const body = JSON.stringify(initialize());
    const statusWith = (...authorization: string[]) =>
      new Promise((resolve, reject) => {
        const headers = ['Host', '127.0.0.1', 'Content-Type', 'application/json', 'Accept', 'application/json, text/event-stream'];
        headers.push('Content-Length', `${body.length}`, ...authorization.flatMap((value) => ['Authorization', value]));
        request(room.url(), { method: 'POST', headers }, (response) => resolve(response.resume().statusCode)).on('error', reject).end(body);
      });
    expect(await statusWith(good)).toBe(200);
    expect(await statusWith(good, 'Bearer other')).toBe(400);
  });
});

describe('scopes', () => {
  it('without the base scope get 403 insufficient_scope with resource_metadata (RFC 6750 §3.1)', async () => {
    const response = await present(await room.issuer.token({ scope: 'openid profile' }));
    expect(response.status).toBe(403);
    expect(response.headers.get('WWW-Authenticate')).toBe(
      `Bearer error="insufficient_scope", error_description="The operation needs more scopes", resource_metadata="${METADATA_URL}", scope="mcp:read"`,
    );
  });

  it('get 403 that names every scope the tool needs, at once', async () => {
    for (const scope of ['mcp:read', 'openid', 'mcp:write']) {
      const response = await room.post(callTool('note_write', { name: 'a', text: 'b' }), await room.issuer.token({ scope }));
      expect(response.status).toBe(403);
      expect(response.headers.get('WWW-Authenticate')).toContain(`resource_metadata="${METADATA_URL}", scope="mcp:read mcp:write"`);
    }
    expect((await room.post(callTool('note_write', { name: 'a', text: 'b' }), await room.issuer.token({ scope: 'mcp:read mcp:write' }))).status).toBe(200);
  });

  it('are checked for every message of a batch (2025-03-26)', async () => {
    const batch = [callTool('echo', { message: 'a' }, 1), callTool('note_write', { name: 'a', text: 'b' }, 2)];
    expect((await room.post(batch, await room.issuer.token())).status).toBe(403);
    expect((await room.post(batch, await room.issuer.token({ scope: 'mcp:read mcp:write' }))).status).toBe(200);
  });

  it('are checked for the body, whatever the Mcp-Name header says', async () => {
    const headers = { 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo' };
    expect((await room.post(callTool('note_write', { name: 'a', text: 'b' }), await room.issuer.token(), { headers })).status).toBe(403);
  });

  it('are looked up by own names only: a tool called constructor or __proto__ is just no tool', async () => {
    for (const name of ['constructor', '__proto__', 'toString']) {
      const message = await messageOf(await room.post(callTool(name), await room.issuer.token()));
      expect(message.error?.code).toBe(-32602);
    }
  });
});

describe('two servers behind one host', () => {
  it('each refuse the token of the other', async () => {
    const two = await ServerRoom.open((settings) => {
      settings.servers.push(serverEntry(settings.servers[0]!.backend.url, '/files', ['files:read']));
    });
    const forFirst = await two.issuer.token();
    const forSecond = await two.issuer.token({ aud: 'https://mcp.example.org/files', scope: 'files:read' });
    expect((await two.post(initialize(), forFirst)).status).toBe(200);
    expect((await two.post(initialize(), forSecond, {}, '/files')).status).toBe(200);
    expect((await two.post(initialize(), forSecond)).status).toBe(401);
    const refused = await two.post(initialize(), forFirst, {}, '/files');
    expect(refused.status).toBe(401);
    expect(refused.headers.get('WWW-Authenticate')).toContain('oauth-protected-resource/files", scope="files:read"');
    await two.close();
  });
});

describe('the log', () => {
  it('holds no token, no header, no query string and no body, whatever was sent', () => {
    expect(sent.length).toBeGreaterThan(20);
    const text = room.log.join('');
    for (const token of sent) expect(text).not.toContain(token.length > 20 ? token.slice(0, 40) : `"${token}"`);
    expect(text).not.toMatch(/access_token|Bearer |authorization/i);
  });
});
