import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Era } from '../support/backend-answers.ts';
import { freePort, GatewayProcess } from '../support/gateway-process.ts';
import { GatewayRoom, messagesOf } from '../support/gateway-room.ts';
import type { Behaviour } from '../support/recording-backend.ts';
import { callTool, initialize, messageOf, serverEntry, ServerRoom } from '../support/server-room.ts';
import { TokenIssuer } from '../support/token-issuer.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

let room: GatewayRoom;
const open = async (era: Era, sse = false) => {
  room = await GatewayRoom.open(era, { sse });
  closing.push(() => room.close());
};

/** The five ways of a call: which client before which backend. */
const ways: ['modern' | 'earlier', Era][] = [['modern', 'modern'], ['modern', 'stateful'], ['earlier', 'modern'], ['earlier', 'stateless'], ['earlier', 'stateful']];
const call = (client: 'modern' | 'earlier', init: { signal?: AbortSignal; id?: number | string } = {}) =>
  client === 'modern' ? room.modern('tools/call', { name: 'echo' }, init) : room.post(callTool('echo', {}, init.id), init);

/** A server of an earlier version without sessions, with a tool whose answers are written here. */
async function scripted(answer: RequestListener): Promise<Server> {
  const server = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += String(chunk);
    if (body.includes('"tools/call"')) return answer(req, res);
    const { id, method } = JSON.parse(body || '{}') as { id?: string; method?: string };
    if (id === undefined) return void res.writeHead(202).end();
    const result = method === 'initialize' && { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'scripted', version: '1' } };
    res.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, ...(result ? { result } : { error: { code: -32601, message: 'no' } }) }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close().closeAllConnections());
  return server;
}

const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;

async function before(answer: RequestListener): Promise<ServerRoom> {
  const backend = await scripted(answer);
  const gateway = await ServerRoom.open((settings) => (settings.servers = [serverEntry(urlOf(backend))]));
  closing.push(() => gateway.close());
  return gateway;
}

/** A call whose answer is not read until somebody does. */
async function unread(url: URL | string, token: string, message: object = callTool('echo')): Promise<IncomingMessage> {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' };
  const sent = request(url, { method: 'POST', headers }).end(JSON.stringify(message));
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  closing.push(() => response.destroy());
  return response;
}

describe.each(ways)('a stream for a client of the %s era from a %s backend', (client, era) => {
  it('arrives as it comes: the first event before there is a last', async () => {
    await open(era);
    room.backend.onCall({ kind: 'stream', events: Infinity, everyMilliseconds: 20 });
    const hangUp = new AbortController();
    const response = await call(client, { signal: hangUp.signal });
    expect(response.headers.get('Content-Type')).toBe('text/event-stream');
    expect(response.headers.get('X-Accel-Buffering')).toBe('no');
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    for (let progress = 1; progress <= 3; progress += 1) expect((await reader.read()).value).toContain(`"progress":${progress}`);
    hangUp.abort();
    // The backend need not work for nobody; in 2026-07-28 that cancels the call.
    await expect.poll(() => room.backend.calls()[0]!.hungUp).toBe(true);
  });

  it('that breaks ends with an error for the call, never as if it were complete', async () => {
    await open(era);
    room.backend.onCall({ kind: 'reset', midStream: true });
    const messages = await messagesOf(await call(client));
    expect(messages).toMatchObject([{ params: { progress: 1 } }, { id: 1, error: { code: -32603, message: expect.stringContaining('mcp') as string } }]);
  });

  it.each([false, true])('and a result of 5 MB arrive whole (as a stream: %s)', async (sse) => {
    await open(era, sse);
    room.backend.onCall({ kind: 'large', bytes: 5_000_000 });
    expect((await messagesOf(await call(client))).at(-1)).toMatchObject({ id: 1, result: { content: [{ text: 'x'.repeat(5_000_000) }] } });
  });
});

describe('a large result', () => {
  const MEGABYTES = 200;
  const head = '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"';
  const tail = '"}]}}';
  const chunk = Buffer.alloc(1024 * 1024, 'x');
  let written = 0;

  /** Writes as fast as it may. */
  const large: RequestListener = async (_req, res) => {
    written = 0;
    res.writeHead(200, { 'Content-Type': 'application/json' }).write(head);
    for (; written < MEGABYTES && !res.destroyed; written += 1) if (!res.write(chunk)) await once(res, 'drain');
    res.end(tail);
  };

  it('of 200 MB passes through a process that grows by much less', async () => {
    const issuer = await TokenIssuer.start();
    closing.push(() => issuer.stop());
    const gateway = await GatewayProcess.start({ backend: urlOf(await scripted(large)), issuer });
    closing.push(() => gateway.stop());
    const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))![1]) / 1024;
    const token = await issuer.token();
    await fetch(gateway.url, { method: 'POST', headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, body: JSON.stringify(initialize()) });
    const before = peak();
    const response = await unread(gateway.url, token);
    let bytes = 0;
    for await (const part of response) bytes += (part as Buffer).length;
    expect(bytes).toBe(head.length + MEGABYTES * chunk.length + tail.length);
    expect(peak() - before).toBeLessThan(MEGABYTES / 2);
  });

  it('begins to arrive before it is complete, and waits at the backend for a client that does not read', async () => {
    const gateway = await before(large);
    const response = await unread(gateway.url(), await gateway.issuer.token());
    let last = -1;
    await expect.poll(() => last === (last = written), { interval: 300, timeout: 10_000 }).toBe(true);
    expect(last).toBeLessThan(MEGABYTES);
    let bytes = 0;
    for await (const part of response) bytes += (part as Buffer).length;
    expect(bytes).toBe(head.length + MEGABYTES * chunk.length + tail.length);
  });
});

describe('a client that goes away', () => {
  it.each(ways)('(era %s, backend %s) ends the request at the backend, while that still thinks', async (client, era) => {
    await open(era);
    room.backend.onCall({ kind: 'hang' });
    const hangUp = new AbortController();
    const answer = call(client, { signal: hangUp.signal });
    await expect.poll(() => room.backend.calls().length).toBe(1);
    hangUp.abort();
    await expect(answer).rejects.toThrow();
    await expect.poll(() => room.backend.calls()[0]!.hungUp).toBe(true);
  });
});

describe.each(ways)('a backend that fails a client of the %s era (backend %s)', (client, era) => {
  const id = 1;

  it('is answered with 503 and Retry-After where it cannot be reached, before and after a session began', async () => {
    await open(era);
    for (const begun of [false, true]) {
      const port = Number(new URL(room.backend.url).port);
      if (begun) expect((await call(client)).status).toBe(200);
      await room.backend.stop();
      const response = await call(client);
      expect([response.status, response.headers.get('Retry-After')]).toEqual([503, '5']);
      expect(await messageOf(response)).toMatchObject({ id, error: { code: -32603, message: 'The server mcp is not reachable at the moment' } });
      await room.backend.start(port);
    }
  });

  it.each<[string, Behaviour]>([
    ['breaks the connection', { kind: 'reset' }],
    ['does not believe the gateway', { kind: 'status', status: 401, headers: { 'WWW-Authenticate': 'Bearer' } }],
    ['does not believe it in JSON', { kind: 'status', status: 403, headers: { 'Content-Type': 'application/json' }, body: '{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}' }],
    ['sends it elsewhere', { kind: 'status', status: 307, headers: { Location: 'http://127.0.0.1:1/' } }],
    ['sends it elsewhere in JSON', { kind: 'status', status: 302, headers: { Location: 'http://127.0.0.1:1/', 'Content-Type': 'application/json' }, body: '{}' }],
    ['answers with a page', { kind: 'status', status: 200, headers: { 'Content-Type': 'text/html' }, body: '<html>Sign in</html>' }],
    ['answers with a page of an error', { kind: 'status', status: 500, headers: { 'Content-Type': 'text/html' }, body: '<html>oh no</html>' }],
    ['takes no POST', { kind: 'status', status: 405, headers: { 'Content-Type': 'text/plain' }, body: 'no' }],
    ['answers with nothing', { kind: 'status', status: 202 }],
    ['compresses though nobody asked', { kind: 'status', status: 200, headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' }, body: 'x' }],
  ])('is answered with 502 and the id of the request where it %s', async (_what, behaviour) => {
    await open(era);
    await call(client);
    room.backend.onCall(behaviour);
    const response = await call(client);
    expect([response.status, response.headers.get('WWW-Authenticate'), response.headers.get('Location')]).toEqual([502, null, null]);
    expect(response.headers.get('Content-Type')).toBe('application/json');
    expect(await messageOf(response)).toMatchObject({ id, error: { code: -32603, message: expect.stringContaining('The server mcp') as string } });
    await expect.poll(() => room.room.lines().at(-1)).toMatchObject({ level: 'info', status: 502, backend: expect.any(String) as string });
  });

  it('and recovers serves again, though connections were kept', async () => {
    await open(era);
    await call(client);
    const port = Number(new URL(room.backend.url).port);
    await room.backend.stop();
    room.backend.sessions.clear();
    await room.backend.start(port);
    expect((await call(client)).status).toBe(200);
  });
});

describe('an answer on the way', () => {
  it('that breaks in the middle breaks for the client too, whose error it would else be mistaken for', async () => {
    for (const headers of [{}, { 'Content-Length': '1000' }]) {
      const gateway = await before((_req, res) => {
        res.writeHead(200, { 'Content-Type': 'application/json', ...headers }).write('{"jsonrpc":"2.0","id":1,"res');
        setTimeout(() => res.socket?.resetAndDestroy(), 50);
      });
      const response = await gateway.post(callTool('echo'), await gateway.issuer.token());
      await expect(response.text()).rejects.toThrow();
      // It was the backend's doing, and no hang-up: it is in the log.
      await expect.poll(() => gateway.lines().at(-1)).toMatchObject({ level: 'info', target: 'echo', backend: expect.any(String) as string });
    }
  });

  it('that breaks inside an event breaks for the client too', async () => {
    const gateway = await before((_req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: {"jsonrpc":"2.0","method":"notifications/progress"}\n\ndata: {"half');
      setTimeout(() => res.socket?.resetAndDestroy(), 50);
    });
    await expect(gateway.post(callTool('echo'), await gateway.issuer.token()).then((response) => response.text())).rejects.toThrow();
  });

  it('may be announced by hints (RFC 8297), which are for others', async () => {
    const gateway = await before((_req, res) => {
      res.writeEarlyHints({ link: '</a.css>; rel=preload' });
      setTimeout(() => res.writeHead(200, { 'Content-Type': 'application/json' }).end('{"jsonrpc":"2.0","id":1,"result":{}}'), 20);
    });
    const response = await gateway.post(callTool('echo'), await gateway.issuer.token());
    expect([response.status, await response.text()]).toEqual([200, '{"jsonrpc":"2.0","id":1,"result":{}}']);
  });

  it('keeps bytes and length as they are, however they are cut, and leaves out headers that are for the gateway', async () => {
    const body = Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"text":"größe 🌍"}}');
    for (const parts of [[body], [body.subarray(0, 48), body.subarray(48)]]) {
      const gateway = await before(async (_req, res) => {
        res.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': body.length, 'Set-Cookie': 'a=b', 'Mcp-Session-Id': 'theirs', 'Access-Control-Allow-Origin': '*', Server: 'x', 'Retry-After': '7' });
        for (const part of parts) {
          res.write(part);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        res.end();
      });
      const response = await gateway.post(callTool('echo'), await gateway.issuer.token());
      expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
      expect(Object.fromEntries(response.headers)).toMatchObject({ 'content-type': 'application/json; charset=utf-8', 'content-length': String(body.length), 'retry-after': '7' });
      for (const name of ['set-cookie', 'mcp-session-id', 'access-control-allow-origin', 'server']) expect(response.headers.get(name)).toBeNull();
    }
  });

  it('for nothing that was asked keeps its status: 202, and 405 where there is no stream', async () => {
    await open('stateful');
    expect((await room.post({ jsonrpc: '2.0', method: 'notifications/roots/list_changed' })).status).toBe(202);
    const gateway = await before((_req, res) => void res.end());
    expect((await fetch(gateway.url(), { headers: { Authorization: `Bearer ${await gateway.issuer.token()}` } })).status).toBe(405);
  });
});

it('a port that nobody listens on is not reachable, and that is no error of the gateway', async () => {
  const port = await freePort();
  const gateway = await ServerRoom.open((settings) => (settings.servers = [serverEntry(`http://127.0.0.1:${port}/mcp`)]));
  closing.push(() => gateway.close());
  expect((await gateway.post(callTool('echo'), await gateway.issuer.token())).status).toBe(503);
  expect(gateway.log.join('')).not.toContain('"level":"error"');
});
