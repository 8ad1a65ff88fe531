import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JWTPayload } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Diagnosis, examine, type Options, reportLines } from '../../doctor/index.ts';
import { everyone, found, troubles } from '../support/doctor-findings.ts';
import { DoctorRoom, json } from '../support/doctor-room.ts';

let room: DoctorRoom;
beforeEach(async () => {
  room = await DoctorRoom.open();
});
afterEach(() => room.close());

const look = (options: Options = {}): Promise<Diagnosis> => examine(room.url, { listenSeconds: 0, ...options });
const counting = { name: 'count', arguments: { steps: 5, everyMilliseconds: 300 } };

/** Holds the whole answer to a tool call back until it is complete, as a proxy that buffers does. */
function buffer(status = 200): void {
  room.answer('/mcp', (_, response, body) => {
    if (!body.includes('"tools/call"')) return false;
    if (status !== 200) return void response.writeHead(status).end();
    const [pieces, end] = [[] as Buffer[], response.end.bind(response)];
    response.write = (piece: string | Uint8Array) => pieces.push(Buffer.from(piece)) > 0;
    response.flushHeaders = () => {};
    response.end = ((piece?: string) => {
      if (piece) pieces.push(Buffer.from(piece));
      return end(Buffer.concat(pieces));
    }) as never;
    return false;
  });
}

describe('a token', () => {
  it('that fits lets every client list the tools, and nothing is wrong', async () => {
    const diagnosis = await look({ token: room.token() });
    expect(troubles(diagnosis)).toEqual([]);
    const listed = room.requests.filter(({ body }) => body.includes('tools/list')).map(({ agent }) => agent);
    expect(diagnosis.clients.map(({ client, protocol }) => [client, protocol])).toEqual(everyone.map((client) => [client, client === 'claude-code' ? '2026-07-28' : '2025-11-25']));
    expect(new Set(listed)).toEqual(new Set(['Claude-User', 'claude-code/2.1.274 (cli)', 'openai-mcp/1.0.0', 'node', 'Cursor/3.14.2 (linux x64)']));
  });

  it.each<[string, () => JWTPayload, (room: DoctorRoom) => string]>([
    ['has no aud', () => ({ aud: undefined }), ({ url }) => `the token has no \`aud\`; the resource is \`${url}\``],
    ['has a slash at the end of its aud', () => ({ aud: `${room.url}/` }), ({ url }) => `the token’s \`aud\` is \`${url}/\`, the resource \`${url}\`. They differ in a slash at the end.`],
    ['is for the origin', () => ({ aud: room.origin }), ({ origin }) => `the token’s \`aud\` is \`${origin}\`, the resource \`${origin}/mcp\`. The shorter one lacks the path /mcp.`],
    ['is of an issuer without its path', () => ({ iss: room.origin }), ({ origin, issuer }) => `the token’s \`iss\` is \`${origin}\`, the issuer \`${issuer}\`. The shorter one lacks the path /auth/realms/main.`],
    ['has ended', () => ({ exp: 1_000_000_000, aud: 'x' }), () => 'the token ended at 2001-09-09T01:46:40.000Z'],
  ])('that %s is refused, and compared byte for byte with what it ought to be', async (_, claims, what) => {
    const diagnosis = await look({ token: room.token(claims()) });
    expect(found(diagnosis, 'token-refused')).toMatchObject({ step: 'call', weight: 'failure', clients: everyone, what: expect.stringContaining(what(room)) as string, remedies: [expect.stringContaining('byte for byte')] });
    expect(found(diagnosis, 'token-refused').what).toContain('the server says: The token is not for this server');
  });

  it('that fits and is refused all the same is said to', async () => {
    room.answer('/mcp', (_, response) => json(response, 401, {}, { 'www-authenticate': `Bearer resource_metadata="${room.origin}/.well-known/oauth-protected-resource/mcp"` }));
    expect(found(await look({ token: room.token() }), 'token-refused').what).toContain('its audience, issuer and end fit');
    expect(found(await look({ token: 'a token without a form' }), 'token-refused').what).toContain('it is opaque');
  });

  it('for another server that is taken all the same is a flaw', async () => {
    const right = room.token();
    room.breaks.push((request) => {
      if (request.headers.authorization) request.headers.authorization = `Bearer ${right}`;
      return false;
    });
    expect(troubles(await look({ token: room.token({ aud: 'https://other.example/mcp' }) }))).toEqual([`warning token-loose at call: ${everyone.join(' ')}`]);
  });

  it('appears nowhere in the diagnosis, nor do codes, secrets and tokens of the server', async () => {
    const [token, elsewhere] = [room.token(), room.token({ sub: 'someone else' })];
    room.answer('/mcp', (_, response) => json(response, 500, { access_token: 'planted-in-json', echo: token, words: `no ${elsewhere} here` }, { 'set-cookie': 'session=planted-cookie' }));
    const diagnosis = await look({ register: true, token });
    const shown = JSON.stringify(diagnosis) + reportLines(diagnosis, { verbose: true }).join('\n');
    for (const secret of [token, token.split('.')[1]!, elsewhere, 'planted']) expect(shown).not.toContain(secret);
    expect(shown).toContain('[redacted]');
  });
});

describe('an examination', () => {
  it('asks few things, and no more than eight at a time', async () => {
    let [running, most] = [0, 0];
    room.breaks.push((_, response) => {
      most = Math.max(most, ++running);
      response.once('close', () => (running -= 1));
      return false;
    });
    // So slow that all clients come to it before one is answered.
    room.answer('/auth/authorize', (_, response) => void setTimeout(() => response.writeHead(200).end(), 500));
    const { requests } = await look({ clientId: 'known', token: room.token() });
    expect(most).toBe(8);
    expect(requests).toBe(room.requests.length);
    expect(requests).toBeLessThan(90);
  });
});

describe('a sign-in', () => {
  const signIn = (url: string) => void fetch(url, { headers: { 'x-person': 'alice' } });

  it('ends in a call with the token that it gave', async () => {
    const diagnosis = await look({ register: true, signIn });
    expect(troubles(diagnosis)).toEqual([]);
    expect(room.requests.some(({ body }) => body.includes('tools/list'))).toBe(true);
    const [form] = room.requests.filter(({ path }) => path === '/auth/token').map(({ body }) => Object.fromEntries(new URLSearchParams(body)));
    expect(form).toMatchObject({ grant_type: 'authorization_code', code: 'planted-code', resource: room.url, code_verifier: expect.stringMatching(/^[\w-]{43}$/) as string });
    expect(room.registered.size).toBe(0);
  });

  it('whose client cannot be deleted again says so', async () => {
    room.breaks.push((request, response) => (request.method === 'DELETE' ? void response.writeHead(403).end() : false));
    expect(found(await look({ register: true, signIn, clients: ['cursor'] }), 'sign-in-left')).toMatchObject({ weight: 'note', remedies: [expect.stringMatching(/^Delete the client [\da-f-]{36} by hand/)] });
  });

  it('without a refresh token is known to come again and again', async () => {
    room.answer('/auth/token', (_, response) => json(response, 200, { access_token: room.token(), token_type: 'Bearer' }));
    expect(found(await look({ register: true, signIn }), 'no-refresh')).toMatchObject({ weight: 'warning', what: expect.stringContaining('the sign-in gave no refresh token') as string });
  });

  it('whose token request fails has its answer named, and no secret of it', async () => {
    room.answer('/auth/token', (_, response) => json(response, 400, { error: 'invalid_target' }));
    const diagnosis = await look({ register: true, signIn });
    expect(found(diagnosis, 'sign-in-fails')).toMatchObject({ step: 'token', weight: 'failure', clients: everyone, what: expect.stringContaining('invalid_target') as string, remedies: [expect.stringContaining('does not know the resource')] });
    expect(JSON.stringify(diagnosis)).not.toContain('planted-code');
  });

  it('is neither taken over nor ended by who comes back with another state, or asks for something else (RFC 9700 §4.7)', async () => {
    const answered: number[] = [];
    const interrupted = async (url: string) => {
      const redirectUri = new URL(url).searchParams.get('redirect_uri')!;
      for (const forged of ['?code=forged&state=other', '?code=forged', '?error=access_denied']) answered.push((await fetch(`${redirectUri}${forged}`)).status);
      // A target that is no URL.
      const socket = connect(Number(new URL(redirectUri).port), '127.0.0.1').end('GET // HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
      answered.push(Number((await text(socket)).split(' ')[1]));
      signIn(url);
    };
    expect(troubles(await look({ register: true, signIn: (url) => void interrupted(url), clients: ['cursor'] }))).toEqual([]);
    expect(answered).toEqual([400, 400, 400, 404]);
    expect(room.requests.filter(({ path }) => path === '/auth/token').map(({ body }) => new URLSearchParams(body).get('code'))).toEqual(['planted-code']);
  });

  it('that comes back from another issuer is not gone on with (RFC 9207)', async () => {
    room.serverDocument = { issuer: `${room.issuer}/other` };
    expect(found(await look({ register: true, signIn }), 'sign-in-fails').what).toContain(`with \`iss\` ${room.issuer}, and the issuer is ${room.issuer}/other`);
    expect(room.requests.some(({ path }) => path === '/auth/token')).toBe(false);
  });
});

describe('a stream', () => {
  it('whose progress arrives in time is quiet', async () => {
    expect(troubles(await look({ token: room.token(), tool: counting, clients: ['cursor'] }))).toEqual([]);
  });

  it('whose progress arrives at once at the end is buffered (mcp-go#162)', async () => {
    buffer();
    const diagnosis = await look({ token: room.token(), tool: counting, clients: ['cursor'] });
    expect(found(diagnosis, 'stream-buffered')).toMatchObject({ step: 'stream', weight: 'failure', what: expect.stringMatching(/^5 progress messages of a call that took 1\.\d seconds arrived at once at its end/) as string, remedies: [expect.stringContaining('proxy_buffering off')] });
  });

  it.each([504, 524])('that ends in a %i has stalled', async (status) => {
    buffer(status);
    expect(found(await look({ token: room.token(), tool: counting, clients: ['cursor'] }), 'stream-cut')).toMatchObject({ step: 'stream', weight: 'failure', what: expect.stringContaining(`${status} from ${room.url}`) as string, remedies: [expect.stringContaining('330 seconds')] });
  });

  it('that is silent has no keep-alive, or is buffered; one with keep-alive comments is quiet', async () => {
    const stream = (talks: boolean) => {
      room.breaks.length = 0;
      room.answer('/mcp', (request, response) => {
        if (request.method !== 'GET') return false;
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
        if (talks) void sleep(300).then(() => response.write(': keep-alive\n\n'));
      });
    };
    stream(false);
    expect(found(await look({ token: room.token(), listenSeconds: 1, clients: ['claude'] }), 'stream-silent')).toMatchObject({ weight: 'warning', what: expect.stringContaining('in 1 seconds') as string });
    stream(true);
    expect(troubles(await look({ token: room.token(), listenSeconds: 2, clients: ['claude'] }))).toEqual([]);
  });

  it('that the server does not have (405) is nothing to say', async () => {
    room.answer('/mcp', (request, response) => (request.method === 'GET' ? void response.writeHead(405).end() : false));
    expect(troubles(await look({ token: room.token(), listenSeconds: 1 }))).toEqual([]);
  });
});

describe('a server of one era', () => {
  const only = (era: 'modern' | 'legacy') => {
    room.challenge = 'none';
    room.answer('/mcp', (request, response, body) => {
      if (request.method !== 'POST' || body.includes('2026-07-28') === (era === 'modern')) return false;
      json(response, 400, { jsonrpc: '2.0', id: 1, error: { code: -32022, message: 'Unsupported protocol version' } });
    });
  };

  it('that knows 2026-07-28 alone keeps out who begins with initialize', async () => {
    only('modern');
    const diagnosis = await look();
    expect(found(diagnosis, 'era')).toMatchObject({ step: 'call', weight: 'failure', clients: everyone.filter((name) => name !== 'claude-code'), what: expect.stringContaining('-32022') as string });
    expect(diagnosis.clients.filter(({ connects }) => connects).map(({ client }) => client)).toEqual(['claude-code']);
  });

  it('that knows initialize alone lets in who falls back to it', async () => {
    only('legacy');
    const diagnosis = await look();
    expect(diagnosis.ok).toBe(true);
    expect(diagnosis.clients.find(({ client }) => client === 'claude-code')!.protocol).toBe('2025-11-25');
  });
});

describe('a call', () => {
  it('whose session the server has lost at once has several processes behind a front', async () => {
    room.answer('/mcp', (request, response, body) => {
      if (!request.headers.authorization) return false;
      if (request.headers['mcp-session-id']) return json(response, 404, { jsonrpc: '2.0', id: null, error: { code: -32001, message: 'Session not found' } });
      const { id, method } = JSON.parse(body) as { id?: number; method: string };
      json(response, 200, method === 'initialize' ? { jsonrpc: '2.0', id, result: { protocolVersion: '2025-11-25', capabilities: {} } } : { jsonrpc: '2.0', id, error: { code: -32601, message: 'no' } }, { 'mcp-session-id': 'one' });
    });
    expect(found(await look({ token: room.token(), clients: ['cursor'] }), 'call-fails')).toMatchObject({ step: 'call', weight: 'failure', what: expect.stringContaining('Session not found') as string, remedies: [expect.stringContaining('keep each session with one')] });
  });

  it('ends the session that it began', async () => {
    room.answer('/mcp', (request, response, body) => {
      if (!request.headers.authorization) return false;
      if (request.method === 'DELETE') return void response.writeHead(200).end();
      const { id, method } = JSON.parse(body) as { id?: number; method: string };
      json(response, id === undefined ? 202 : 200, { jsonrpc: '2.0', id, result: method === 'initialize' ? { protocolVersion: '2025-11-25', capabilities: {} } : { tools: [] } }, { 'mcp-session-id': 'one' });
    });
    expect(troubles(await look({ token: room.token(), clients: ['cursor'] }))).toEqual([]);
    expect(room.requests.filter(({ method }) => method === 'DELETE')).toHaveLength(1);
  });
});
