import { createLocalJWKSet, decodeProtectedHeader, jwtVerify, type JSONWebKeySet } from 'jose';
import { afterEach, describe, expect, it } from 'vitest';
import type { ServerSettings, Settings } from '../../server/settings.ts';
import type { Era } from '../support/backend-answers.ts';
import { GatewayRoom, messagesOf, MODERN, modernMeta } from '../support/gateway-room.ts';
import { callTool, initialize } from '../support/server-room.ts';

let room: GatewayRoom;
afterEach(() => room.close());
const open = async (era: Era, change: (server: ServerSettings, settings: Settings) => void) => (room = await GatewayRoom.open(era, { change }));

const kinds = ['none', 'plain', 'signed'] as const;
const SEED = '0123456789abcdef'.repeat(4);
const JWKS_PATH = '/.well-known/drawbridge-identity';
const as = (identity: (typeof kinds)[number], headers = {}) => (server: ServerSettings, settings: Settings) => {
  server.backend = { ...server.backend, identity, headers };
  settings.identityKey = SEED;
  settings.identityJwksPath = JWKS_PATH;
};

/** Everything that ever arrived at the backend, as text. */
const arrived = () => JSON.stringify(room.backend.requests.map(({ rawHeaders, body, url }) => [rawHeaders, body, url]));
const names = () => new Set(room.backend.requests.flatMap(({ rawHeaders }) => rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())));

describe.each(kinds)('a backend that is told who calls: %s', (kind) => {
  describe.each<Era>(['modern', 'stateless', 'stateful'])('of the %s era', (era) => {
    it('gets no token and no header that a client made up, however it is spelled, whatever is asked', async () => {
      await open(era, as(kind));
      const token = await room.token();
      const spoofed = [
        'Drawbridge-Subject', 'SPOOFED-1',
        'DRAWBRIDGE-SUBJECT', 'SPOOFED-2',
        'drawbridge_subject', 'SPOOFED-3',
        'Drawbridge_Identity', 'SPOOFED-4',
        'Drawbridge-Identity', 'SPOOFED-5',
        'Drawbridge-Scopes', 'SPOOFED-6',
        'Drawbridge-Expires', 'SPOOFED-7',
        'Drawbridge-Username', 'SPOOFED-8',
        'Drawbridge-Client', 'SPOOFED-9',
        'drawbridge.subject', 'SPOOFED-10',
        'X-Drawbridge-Subject', 'SPOOFED-11',
        'Mcp-Param-X', 'kept',
        'Cookie', 'SPOOFED=12',
        'Proxy-Authorization', `Bearer ${token}`,
        'X-Forwarded-User', 'SPOOFED-13',
        'X-Forwarded-Email', 'SPOOFED-14',
        'X-Forwarded-Access-Token', token,
        'X-Forwarded-For', '203.0.113.7',
        'X-Forwarded-Host', 'SPOOFED-15',
        'X-Forwarded-Proto', 'SPOOFED-16',
        'X-Real-IP', '203.0.113.8',
        'Forwarded', 'for=203.0.113.9',
        'X-Remote-User', 'SPOOFED-17',
        'X-Api-Key', token,
        'Connection', 'keep-alive, Drawbridge-Subject',
        'User-Agent', 'SPOOFED-18',
      ];
      const base = ['Authorization', `Bearer ${token}`, 'Content-Type', 'application/json', 'Accept', 'application/json, text/event-stream', ...spoofed];
      const modern = (method: string, params: object): [string[], string] => [[...base, 'MCP-Protocol-Version', MODERN, 'Mcp-Method', method, 'Mcp-Name', 'echo'], JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: modernMeta } })];
      const statuses = [
        await room.raw('POST', base, JSON.stringify(initialize())),
        await room.raw('POST', base, JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })),
        await room.raw('POST', base, JSON.stringify(callTool('echo'))),
        await room.raw('POST', base, JSON.stringify({ jsonrpc: '2.0', method: 'notifications/roots/list_changed' })),
        await room.raw('POST', ...modern('tools/call', { name: 'echo' })),
        await room.raw('POST', ...modern('server/discover', {})),
      ].map(({ status }) => status);
      // Ends the session at the backend, too.
      const session = (await room.raw('POST', base, JSON.stringify(initialize()))).headers['mcp-session-id'] as string;
      for (let windows = 0; windows < 2; windows += 1) await room.raw('DELETE', [...base, 'Mcp-Session-Id', session]);
      if (era === 'stateful') await expect.poll(() => room.backend.requests.some(({ method }) => method === 'DELETE')).toBe(true);

      expect(statuses).toEqual([200, 202, 200, 202, 200, 200]);
      expect(room.backend.calls().length).toBe(2);
      for (const secret of [token, token.split('.')[2]!, 'SPOOFED', '203.0.113']) expect(arrived()).not.toContain(secret);
      const own = { none: [], plain: ['drawbridge-subject', 'drawbridge-username', 'drawbridge-client', 'drawbridge-scopes', 'drawbridge-expires'], signed: ['drawbridge-identity'] }[kind];
      const protocol = ['host', 'connection', 'accept', 'accept-encoding', 'content-type', 'content-length', 'mcp-protocol-version', 'mcp-session-id', 'mcp-method', 'mcp-name', 'mcp-param-x'];
      expect([...names()].filter((name) => !protocol.includes(name)).sort()).toEqual(own.sort());
    });

    it('hears nothing of a request that has two tokens, or one where none may be', async () => {
      await open(era, as(kind));
      const token = await room.token();
      const common = ['Content-Type', 'application/json', 'Accept', 'application/json, text/event-stream'];
      const ask = async (headers: string[]) => (await room.raw('POST', [...common, ...headers], JSON.stringify(callTool('echo')))).status;
      expect(await ask(['Authorization', `Bearer ${token}`, 'authorization', `Bearer ${token}`])).toBe(400);
      expect(await ask(['Authorization', `Bearer ${token}`, 'AUTHORIZATION', 'Basic YTpi'])).toBe(400);
      expect(await ask(['Authorization', `Bearer ${token}, Bearer ${token}`])).toBe(400);
      expect(await ask(['Authorization', 'Basic YTpi', 'Authorization', `Bearer ${token}`])).toBe(401);
      expect(await ask(['Cookie', `access_token=${token}`])).toBe(401);
      expect(await ask([])).toBe(401);
      expect(room.backend.requests).toEqual([]);
    });
  });
});

describe('plain headers', () => {
  it('say who calls, percent-encoded, so that no name ends one or is no header', async () => {
    await open('modern', as('plain'));
    const exp = Math.floor(Date.now() / 1000) + 100;
    const claims = { sub: 'größe\r\nDrawbridge-Scopes: all', preferred_username: 'Ünïcode, 名 "x"; y=z', azp: 'a client', scope: 'mcp:read https://example.org/x?y=ü', exp };
    expect((await room.modern('tools/list', {}, { claims })).status).toBe(200);
    const { headers } = room.backend.requests.at(-1)!;
    expect(headers).toMatchObject({ 'drawbridge-expires': String(exp), 'drawbridge-client': 'a%20client' });
    expect(decodeURIComponent(headers['drawbridge-subject'] as string)).toBe(claims.sub);
    expect(decodeURIComponent(headers['drawbridge-username'] as string)).toBe(claims.preferred_username);
    expect((headers['drawbridge-scopes'] as string).split(' ').map(decodeURIComponent)).toEqual(claims.scope.split(' '));
    for (const name of ['drawbridge-subject', 'drawbridge-username', 'drawbridge-client', 'drawbridge-scopes']) expect(headers[name]).toMatch(/^[\x20-\x7e]+$/);
  });

  it('leave out what the token does not say, and survive what is no Unicode', async () => {
    await open('modern', as('plain'));
    expect((await room.modern('tools/list', {}, { claims: { preferred_username: undefined } })).status).toBe(200);
    expect(room.backend.requests.at(-1)!.headers).not.toHaveProperty('drawbridge-username');
    expect((await room.modern('tools/list', {}, { claims: { preferred_username: 'broken \ud800' } })).status).toBe(200);
  });

  it('go with every request of a session, for the user of that request', async () => {
    await open('stateful', as('plain'));
    for (const sub of ['alice', 'bob']) await room.post(callTool('echo'), { claims: { sub } });
    const bySession = Map.groupBy(room.backend.requests.filter(({ headers }) => headers['mcp-session-id'] !== undefined), ({ headers }) => headers['mcp-session-id']);
    expect([...bySession.values()].map((requests) => [...new Set(requests.map(({ headers }) => headers['drawbridge-subject']))])).toEqual([['alice'], ['bob']]);
  });
});

describe('a signed identity', () => {
  const published = async () => createLocalJWKSet((await (await fetch(room.room.url(JWKS_PATH))).json()) as JSONWebKeySet);

  it('is a JWT for this backend alone, which the published keys verify', async () => {
    await open('modern', as('signed'));
    await room.modern('tools/list', {}, { claims: { sub: 's-1', preferred_username: 'Ünïcode' } });
    const identity = room.backend.requests.at(-1)!.headers['drawbridge-identity'] as string;
    const { payload, protectedHeader } = await jwtVerify(identity, await published(), { typ: 'drawbridge-identity+jwt', issuer: 'https://mcp.example.org', audience: 'https://mcp.example.org/mcp', algorithms: ['EdDSA'] });
    expect(payload).toEqual({ iss: 'https://mcp.example.org', aud: 'https://mcp.example.org/mcp', sub: 's-1', preferred_username: 'Ünïcode', client_id: 'a-client', scope: 'openid mcp:read mcp:write', iat: payload.iat, exp: payload.iat! + 60 });
    expect(protectedHeader).toEqual({ alg: 'EdDSA', typ: 'drawbridge-identity+jwt', kid: 'drawbridge' });
  });

  it('is none that the gateway takes for a token itself', async () => {
    await open('modern', as('signed'));
    await room.modern('tools/list');
    const identity = room.backend.requests.at(-1)!.headers['drawbridge-identity'] as string;
    expect((await room.room.post(callTool('echo'), identity)).status).toBe(401);
  });

  it('publishes the public half of its key only, and nothing where there is none', async () => {
    await open('modern', as('signed'));
    const response = await fetch(room.room.url(JWKS_PATH));
    const { keys } = (await response.json()) as { keys: object[] };
    expect(keys).toEqual([{ kty: 'OKP', crv: 'Ed25519', x: expect.any(String) as string, kid: 'drawbridge', alg: 'EdDSA', use: 'sig' }]);
    await room.close();
    await open('modern', () => {});
    expect((await fetch(room.room.url(JWKS_PATH))).status).toBe(404);
  });

  it('is made anew, so that an old one is of no use for long', async () => {
    await open('stateful', as('signed'));
    await room.post(callTool('echo'));
    const { headers } = room.backend.requests.at(-1)!;
    expect(decodeProtectedHeader(headers['drawbridge-identity'] as string).typ).toBe('drawbridge-identity+jwt');
  });
});

describe("a backend's own credential", () => {
  it.each<Era>(['modern', 'stateless', 'stateful'])('arrives with each request (%s), and what a client sends does not replace it', async (era) => {
    await open(era, as('none', { Authorization: 'Bearer backend-credential', 'X-Api-Key': 'backend-key' }));
    const token = await room.token();
    const headers = ['Authorization', `Bearer ${token}`, 'X-Api-Key', 'SPOOFED', 'Content-Type', 'application/json', 'Accept', 'application/json, text/event-stream'];
    expect((await room.raw('POST', headers, JSON.stringify(callTool('echo')))).status).toBe(200);
    expect((await messagesOf(await room.modern('tools/call', { name: 'echo' }, { headers: { 'X-Api-Key': 'SPOOFED' } }))).at(-1)).toMatchObject({ id: 1, result: {} });
    expect(room.backend.requests.length).toBeGreaterThan(2);
    for (const request of room.backend.requests) {
      const credentials = request.rawHeaders.flatMap((name, index) => (index % 2 === 0 && /^(authorization|x-api-key)$/i.test(name) ? [request.rawHeaders[index + 1]] : []));
      expect(credentials.sort()).toEqual(['Bearer backend-credential', 'backend-key']);
    }
  });
});
