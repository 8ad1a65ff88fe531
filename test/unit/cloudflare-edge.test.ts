import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2';
import { Agent, request as ask } from 'node:https';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { EdgeRule } from '../cloudflare/edge-state.ts';
import { EdgeRoom, HOST, until } from '../support/edge-room.ts';

const IDLE_MS = 1000;
const MB = 1 << 20;

/** What the origin was asked, and the streams that it holds. */
let asked: IncomingMessage[] = [];
let streams: ServerResponse[] = [];
let written = 0;
let room: EdgeRoom;

function origin(request: IncomingMessage, response: ServerResponse): void {
  asked.push(request);
  const { pathname, searchParams } = new URL(request.url!, 'http://origin');
  const headers = JSON.parse(searchParams.get('headers') ?? '{}') as Record<string, string>;
  if (pathname === '/stream') streams.push(response.writeHead(200, { 'content-type': 'text/event-stream' }));
  else if (pathname === '/silent') streams.push(response);
  else if (pathname === '/echo') request.pipe(response);
  else if (pathname === '/refuse') response.writeHead(413).end('too much');
  else if (pathname === '/flood') flood(response);
  else request.resume().on('end', () => response.writeHead(Number(searchParams.get('status') ?? 200), headers).end(`answer ${asked.length}`));
  if (pathname === '/stream') response.write(':\n\n');
}

/** Writes for as long as someone reads. */
function flood(response: ServerResponse): void {
  const chunk = Buffer.alloc(1 << 16);
  const write = () => {
    while (!response.destroyed && response.write(chunk)) written += chunk.length;
  };
  response.on('drain', write);
  write();
}

beforeAll(async () => {
  room = await EdgeRoom.open(origin, { idleMs: IDLE_MS });
});
afterAll(() => room.close());
afterEach(() => {
  for (const stream of streams) stream.destroy();
  [asked, streams, written] = [[], [], 0];
  room.account.rulesets = {};
  room.account.settings = { ai_bots_protection: 'disabled' };
});

/** An answer over HTTP/1.1 whose body is left to the caller. */
async function opened(path: string): Promise<IncomingMessage> {
  const request = ask({ host: '127.0.0.1', port: room.edge.port, servername: HOST, ca: room.ca, agent: new Agent(), path, headers: { host: HOST } }).end();
  request.on('error', () => {});
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}

const rule = (expression: string, action: string, parameters?: object): EdgeRule => ({ expression, action, action_parameters: parameters, enabled: true });

describe('clients', () => {
  it('speak HTTP/1.1 or HTTP/2, by TLS', async () => {
    expect(await room.get('/x')).toMatchObject({ status: 200, text: 'answer 1' });
    const session = room.http2();
    const stream = session.request({ ':path': '/x' });
    const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders & IncomingHttpStatusHeader];
    expect([head[':status'], await text(stream)]).toEqual([200, 'answer 2']);
    session.close();
  });

  it('get no handshake for a name that the certificate does not cover', async () => {
    const socket = connectTls({ host: '127.0.0.1', port: room.edge.port, servername: 'a.mcp.example.test', rejectUnauthorized: false });
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toMatch(/handshake|socket disconnected|ECONNRESET/i);
  });

  it.each([
    ['no record', []],
    ['a record that is not proxied', [{ type: 'CNAME', name: HOST, content: '7b4c6f1e-0000-4000-8000-000000000001.cfargotunnel.com', proxied: false }]],
    ['a record that leads elsewhere', [{ type: 'CNAME', name: HOST, content: 'example.net', proxied: true }]],
  ])('find nothing where a name has %s: error 1001', async (_, entries) => {
    const before = room.account.entries;
    room.account.entries = entries;
    expect(await room.get('/')).toMatchObject({ status: 409, text: expect.stringContaining('Error 1001') });
    room.account.entries = before;
  });

  it('meet error 1033 where the record’s tunnel has no connector', async () => {
    const before = room.account.entries;
    room.account.entries = [{ type: 'CNAME', name: HOST, content: '7b4c6f1e-0000-4000-8000-000000000002.cfargotunnel.com', proxied: true }];
    expect(await room.get('/')).toMatchObject({ status: 530, headers: { server: 'cloudflare (simulation)' }, text: expect.stringContaining('Error 1033') });
    room.account.entries = before;
  });
});

describe('headers', () => {
  it('tell the origin who asks, whatever a client says of itself', async () => {
    const forged = { 'cf-connecting-ip': '6.6.6.6', 'cf-ray': 'forged', 'cf-visitor': '{"scheme":"http"}', 'cf-ipcountry': 'AQ', 'cf-cloudflared-proxy-connection-upgrade': 'update-configuration', 'cdn-loop': 'x', 'x-forwarded-proto': 'http' };
    await room.get('/', { headers: forged, from: '127.0.0.7' });
    expect(asked[0]!.headers).toMatchObject({ host: HOST, 'cf-connecting-ip': '127.0.0.7', 'cf-ray': expect.stringMatching(/^[0-9a-f]{16}-SIM$/), 'cf-visitor': '{"scheme":"https"}', 'cf-ipcountry': 'XX', 'cdn-loop': 'cloudflare; loops=1', 'x-forwarded-proto': 'https' });
    expect(asked[0]!.headers['cf-cloudflared-proxy-connection-upgrade']).toBeUndefined();
  });

  it('append the client to X-Forwarded-For, as Cloudflare does: what stands before it is the client’s own word', async () => {
    await room.get('/', { headers: { 'x-forwarded-for': '6.6.6.6' }, from: '127.0.0.7' });
    expect(asked[0]!.headers['x-forwarded-for']).toBe('6.6.6.6,127.0.0.7');
  });

  it('keep what is the client’s and the origin’s', async () => {
    const { headers } = await room.get(`/?headers=${encodeURIComponent('{"set-cookie":["a=1","b=2"],"www-authenticate":"Bearer x","mcp-session-id":"7","server":"nginx"}')}`, { headers: { authorization: 'Bearer y', cookie: 'c=3', 'mcp-protocol-version': '2026-07-28' } });
    expect(asked[0]!.headers).toMatchObject({ authorization: 'Bearer y', cookie: 'c=3', 'mcp-protocol-version': '2026-07-28' });
    expect(headers).toMatchObject({ 'set-cookie': ['a=1', 'b=2'], 'www-authenticate': 'Bearer x', 'mcp-session-id': '7', server: 'cloudflare (simulation)', 'cf-ray': asked[0]!.headers['cf-ray'] });
    expect(headers['cf-cloudflared-response-meta']).toBeUndefined();
  });

  it('pass a path on as it came', async () => {
    for (const path of ['//mcp', '/%6dcp', '/a/../mcp', '/mcp;x?y=/../z']) await room.get(path);
    expect(asked.map(({ url }) => url)).toEqual(['//mcp', '/%6dcp', '/a/../mcp', '/mcp;x?y=/../z']);
  });
});

describe('streams', () => {
  it('reach the client as they are written', async () => {
    const response = await opened('/stream');
    expect(response.headers['content-type']).toBe('text/event-stream');
    expect(String((await once(response, 'data'))[0])).toBe(':\n\n');
    streams[0]!.write('data: 1\n\n');
    expect(String((await once(response, 'data'))[0])).toBe('data: 1\n\n');
    streams[0]!.end();
    await once(response, 'end');
  });

  it('carry bodies of any size both ways, over both protocols', async () => {
    const body = randomBytes(8 * MB);
    const session = room.http2();
    const stream = session.request({ ':path': '/echo', ':method': 'POST' });
    stream.end(body);
    expect((await buffer(stream)).equals(body)).toBe(true);
    session.close();
    const { text } = await room.get('/echo', { method: 'POST', body: body.toString('hex') });
    expect(text === body.toString('hex')).toBe(true);
  });

  it('send a body of unknown length in chunks, whatever the method: nothing of it is another request', async () => {
    const session = room.http2();
    const stream = session.request({ ':path': '/echo', ':method': 'DELETE' }, { endStream: false });
    stream.end('GET /smuggled HTTP/1.1\r\n\r\n');
    expect(await text(stream)).toContain('/smuggled');
    expect(asked.map(({ url }) => url)).toEqual(['/echo']);
    session.close();
  });

  it('deliver an answer that comes before the body was read', async () => {
    expect(await room.get('/refuse', { method: 'POST', body: Buffer.alloc(4 * MB) })).toMatchObject({ status: 413, text: 'too much' });
  });

  it('end at the origin when the client leaves', async () => {
    const session = room.http2();
    const stream = session.request({ ':path': '/stream' });
    await once(stream, 'data');
    stream.close(constants.NGHTTP2_CANCEL);
    await until('the origin hears of it', () => streams[0]!.destroyed);
    session.close();
    const response = await opened('/stream');
    response.destroy();
    await until('the origin hears of it', () => streams[1]!.destroyed);
  });

  it('slow the origin down when the client reads slowly, and nobody else', async () => {
    const stalled = await Promise.all(Array.from({ length: 8 }, () => opened('/flood')));
    let before = -1;
    await until('the origin waits', async () => {
      const waits = before === written;
      before = written;
      await sleep(100);
      return waits;
    });
    expect(written / stalled.length).toBeLessThan(16 * MB);
    for (let count = 0; count < 8; count += 1) expect((await room.get('/')).status).toBe(200);
    for (const response of stalled) response.destroy();
  });

  it('are cut after a while without a byte, and kept by a comment now and then', async () => {
    const kept = await opened('/stream');
    const [stream] = streams;
    const cut = await opened('/stream');
    const ended = Promise.race([once(cut.resume(), 'error').then(([error]) => (error as Error).message), once(cut, 'end').then(() => 'end')]);
    const comments = setInterval(() => stream!.write(':\n\n'), IDLE_MS / 4);
    onTestFinished(() => clearInterval(comments));
    kept.resume();
    expect(await ended).toBe('aborted');
    await sleep(IDLE_MS);
    expect(kept.complete).toBe(false);
    expect(kept.destroyed).toBe(false);
    kept.destroy();
  });

  it('are reset over HTTP/2, which no client takes for an end', async () => {
    const session = room.http2();
    const stream = session.request({ ':path': '/stream' });
    const [error] = (await once(stream.resume(), 'error')) as [Error];
    expect(error.message).toContain('NGHTTP2_INTERNAL_ERROR');
    session.close();
  });
});

describe('an origin', () => {
  it('that says nothing for a while is answered for with 524', async () => {
    expect(await room.get('/silent')).toMatchObject({ status: 524, text: expect.stringContaining('A timeout occurred') });
    await until('the origin hears of it', () => streams[0]!.destroyed);
  });

  it('that gives up itself speaks for itself', async () => {
    for (const status of [502, 503, 504]) expect(await room.get(`/?status=${status}`)).toMatchObject({ status, text: /^answer/ });
  });

  it('that breaks off before it answers is a 502, and later a cut', async () => {
    const pending = room.get('/silent');
    await until('it is asked', () => streams.length === 1);
    streams[0]!.destroy();
    expect((await pending).status).toBe(502);
    const response = await opened('/stream');
    streams[1]!.destroy();
    expect(((await once(response.resume(), 'error')) as [Error])[0].message).toBe('aborted');
  });

  it('whose connector dies is a 502, and the next connector’s from then on', async () => {
    const survivor = room.connectors[0]!;
    const dying = await room.connector();
    const pending = Array.from({ length: 8 }, () => room.get('/silent', { from: '127.0.0.1' }).then(({ status }) => status));
    await until('all are asked', () => streams.length === 8);
    dying.process.kill('SIGKILL');
    expect((await Promise.all(pending)).toSorted()).toEqual([502, 502, 502, 502, 524, 524, 524, 524]);
    await until('the edge has noticed', () => room.account.connected.size === 1);
    expect((await room.get('/')).status).toBe(200);
    room.connectors.splice(room.connectors.indexOf(survivor) + 1);
  });
});

describe('rules of the zone', () => {
  const onlyFrom = (...networks: string[]) => [rule(`http.host eq "${HOST}" and http.request.uri.path in {"/mcp" "/mcp/"} and not ip.src in {${networks.join(' ')}}`, 'block')];

  it('keep a path for those on a list, however it is spelled', async () => {
    room.account.rulesets = { http_request_firewall_custom: onlyFrom('127.0.0.8/32') };
    for (const path of ['/mcp', '/mcp/', '/%6dcp', '/x/../mcp', '/mcp?x']) expect(await room.get(path), path).toMatchObject({ status: 403, text: expect.stringContaining('Access denied') });
    expect((await room.get('/mcp', { from: '127.0.0.8' })).status).toBe(200);
    expect((await room.get('/auth/realms/main/protocol/openid-connect/auth')).status).toBe(200);
    expect(asked).toHaveLength(2);
  });

  it('that are off, or do something else, keep nobody out', async () => {
    room.account.rulesets = { http_request_firewall_custom: [{ ...onlyFrom('127.0.0.8')[0]!, enabled: false }, rule('true', 'log')] };
    expect((await room.get('/mcp')).status).toBe(200);
  });

  it('block by user agent as AI Crawl Control does, well-known documents and all', async () => {
    room.account.rulesets = { http_request_firewall_custom: [rule('(http.user_agent contains "Claude-User")', 'block')] };
    for (const path of ['/mcp', '/.well-known/oauth-protected-resource']) expect((await room.get(path, { headers: { 'user-agent': 'Claude-User/1.0' } })).status, path).toBe(403);
    expect((await room.get('/mcp')).status).toBe(200);
  });

  it('that the simulation does not understand fail loudly', async () => {
    room.account.rulesets = { http_request_firewall_custom: [rule('http.cookie eq "x"', 'block')] };
    expect(await room.get('/')).toMatchObject({ status: 500, text: 'The edge simulation does not understand http.cookie in an expression\n' });
  });
});

describe('“Block AI bots”', () => {
  it('lets discovery through and keeps Claude out, which looks like a sign-in that nothing follows', async () => {
    room.account.settings = { ai_bots_protection: 'block' };
    const as = (agent: string) => ({ headers: { 'user-agent': agent } });
    expect((await room.get('/.well-known/oauth-protected-resource', as('Claude-User'))).status).toBe(200);
    expect((await room.get('/auth/realms/main/protocol/openid-connect/token', as('python-httpx/0.28.1'))).status).toBe(200);
    expect(await room.get('/mcp', as('Claude-User'))).toMatchObject({ status: 403, headers: { 'content-type': 'text/html; charset=UTF-8' }, text: expect.stringContaining('you have been blocked') });
  });
});

describe('the cache', () => {
  const twice = async (path: string, options?: Parameters<EdgeRoom['get']>[1]) => {
    const [first, second] = [await room.get(path, options), await room.get(path, options)];
    return [first.headers['cf-cache-status'], second.headers['cf-cache-status'], first.text === second.text];
  };

  it('keeps static files, each by its whole URL', async () => {
    expect(await twice('/auth/resources/a/login.css')).toEqual(['MISS', 'HIT', true]);
    expect(await twice('/auth/resources/a/login.css?v=2')).toEqual(['MISS', 'HIT', true]);
    expect((await room.get('/auth/resources/a/login.css')).headers.age).toMatch(/^\d+$/);
  });

  it('keeps nothing else, unless a rule says so', async () => {
    for (const path of ['/mcp', '/.well-known/oauth-protected-resource', '/auth/realms/main/protocol/openid-connect/certs']) expect(await twice(path), path).toEqual(['DYNAMIC', 'DYNAMIC', false]);
    room.account.rulesets = { http_request_cache_settings: [rule('true', 'set_cache_settings', { cache: true, edge_ttl: { mode: 'override_origin', default: 60 } })] };
    expect(await twice('/.well-known/kept')).toEqual(['MISS', 'HIT', true]);
    expect(await twice('/mcp', { method: 'POST' })).toEqual(['DYNAMIC', 'DYNAMIC', false]);
  });

  it('is passed by where the last matching rule says so', async () => {
    const everything = rule('true', 'set_cache_settings', { cache: true });
    const bypass = rule(`http.host eq "${HOST}"`, 'set_cache_settings', { cache: false });
    room.account.rulesets = { http_request_cache_settings: [everything, bypass] };
    expect(await twice('/bypassed.css')).toEqual(['BYPASS', 'BYPASS', false]);
    room.account.rulesets = { http_request_cache_settings: [bypass, everything] };
    expect(await twice('/not-bypassed')).toEqual(['MISS', 'HIT', true]);
  });

  it('keeps nothing that is someone’s own', async () => {
    expect(await twice(`/a.css?headers=${encodeURIComponent('{"set-cookie":"a=b"}')}`)).toEqual(['MISS', 'MISS', false]);
    expect(await twice(`/b.css?headers=${encodeURIComponent('{"cache-control":"private"}')}`)).toEqual(['MISS', 'MISS', false]);
    expect(await twice('/c.css', { headers: { authorization: 'Bearer x' } })).toEqual(['MISS', 'MISS', false]);
  });

  it('keeps no answer that was cut', async () => {
    room.account.rulesets = { http_request_cache_settings: [rule('true', 'set_cache_settings', { cache: true })] };
    const response = await opened('/stream');
    streams[0]!.destroy();
    await once(response.resume(), 'error');
    const again = await opened('/stream');
    expect(again.headers['cf-cache-status']).toBe('MISS');
    again.destroy();
  });
});

it('connectors stay connected all the while: a connection without requests is no dead one', async () => {
  await sleep(6000);
  expect(room.connectors[0]!.output.match(/Registered tunnel connection/g)).toHaveLength(4);
});
