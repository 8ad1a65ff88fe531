import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.ts';
import { RecordingBackend } from '../support/recording-backend.ts';
import { callTool, initialize } from '../support/server-room.ts';
import { TokenIssuer } from '../support/token-issuer.ts';

// The whole process, with workers that share one port: each request has a connection of its own, so that any worker may get it.
let issuer: TokenIssuer;
let backend: RecordingBackend;
let gateway: GatewayProcess;
beforeEach(async () => {
  issuer = await TokenIssuer.start();
  backend = await new RecordingBackend('stateful').start();
  gateway = await GatewayProcess.start({ backend: backend.url, issuer, workers: 3 });
});
afterEach(async () => {
  await gateway.stop();
  await backend.stop();
  await issuer.stop();
});

async function send(message: unknown, { sub = 'alice', session }: { sub?: string; session?: string } = {}): Promise<IncomingMessage> {
  const headers = { Authorization: `Bearer ${await issuer.token({ sub })}`, 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', ...(session && { 'Mcp-Session-Id': session }) };
  const sent = request(gateway.url, { method: 'POST', agent: false, headers }).end(JSON.stringify(message));
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return response;
}

async function post(message: unknown, how: { sub?: string; session?: string } = {}): Promise<{ status: number; session: string; text: string }> {
  const response = await send(message, how);
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode!, session: response.headers['mcp-session-id'] as string, text };
}

it('20 concurrent first calls of two users, all with the id 1, make two handshakes, and each gets its own answer', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => post(callTool('echo', { n }), { sub: `user-${n % 2}` })));
  answers.forEach(({ text }, n) => expect(JSON.parse(text)).toMatchObject({ id: 1, result: { content: [{ text: JSON.stringify({ tool: 'echo', arguments: { n } }) }] } }));
  expect([backend.sessions.size, backend.collisions]).toEqual([2, 0]);
});

it('a session is one at all workers: found, kept from others, healed and ended', async () => {
  const { session } = await post(initialize());
  const statuses = async (how: object) => new Set((await Promise.all(Array.from({ length: 9 }, (_, n) => post(callTool('echo', {}, n), { session, ...how })))).map(({ status }) => status));
  expect(await statuses({})).toEqual(new Set([200]));
  expect(await statuses({ sub: 'bob' })).toEqual(new Set([404]));
  backend.sessions.clear();
  expect(await statuses({})).toEqual(new Set([200]));
  expect(backend.sessions.size).toBe(1);
  const ended = request(gateway.url, { method: 'DELETE', agent: false, headers: { Authorization: `Bearer ${await issuer.token({ sub: 'alice' })}`, 'Mcp-Session-Id': session } }).end();
  await once(ended, 'response');
  await expect.poll(() => backend.sessions.size).toBe(0);
  // What a worker remembers shows to be wrong when the backend does not know the session.
  expect(await statuses({})).toEqual(new Set([404]));
});

it('a call is cancelled by a notification that another worker gets', async () => {
  backend.onCall({ kind: 'stream', events: Infinity });
  const streams = [];
  for (let id = 0; id < 8; id += 1) streams.push(await send(callTool('echo', {}, id)));
  for (let id = 0; id < 8; id += 1) expect((await post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } })).status).toBe(202);
  const cancelled = () => backend.requests.filter(({ message }) => message?.method === 'notifications/cancelled').map(({ message }) => message!.params!.requestId);
  await expect.poll(() => cancelled().sort()).toEqual(backend.calls().map(({ message }) => message!.id).sort());
  for (const stream of streams) stream.destroy();
});

it('numbers that JavaScript has not reach the backend as they were written, also in initialize', async () => {
  const words = '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"experimental":{"x":{"big":12345678901234567890}}},"clientInfo":{"name":"a","version":"1"}}}';
  const headers = { Authorization: `Bearer ${await issuer.token()}`, 'Content-Type': 'application/json' };
  expect((await fetch(gateway.url, { method: 'POST', headers, body: words })).status).toBe(200);
  expect(backend.requests[0]!.body).toContain('"big":12345678901234567890');
});
