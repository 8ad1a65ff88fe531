import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GatewayRoom } from '../support/gateway-room.ts';
import { callTool } from '../support/server-room.ts';

// Clients go away at every moment. Whatever was counted, kept or begun for them has to go, too.
let room: GatewayRoom;
beforeEach(async () => {
  room = await GatewayRoom.open('stateful');
});
afterEach(() => room.close());

/** Calls and streams that count against the limit of some user. */
const inUse = () => new Int32Array(room.room.limits.counts).reduce((sum, count) => sum + Math.abs(count), 0) / 2;
const openAnswers = async () => (await room.room.listening.gateway.snapshot()).find(({ name }) => name === 'drawbridge_open_answers')?.values[0]?.value;
const settled = async (calls: Promise<unknown>[]) => new Set((await Promise.allSettled(calls)).map(({ status }) => status));
const stream = async (signal: AbortSignal) => fetch(room.room.url(), { headers: { Authorization: `Bearer ${await room.token()}`, Accept: 'text/event-stream' }, signal });

it('while the token is still being checked: nothing was begun', async () => {
  // Keys are fetched for the first token, which takes a while.
  const { promise: asked, resolve: ask } = Promise.withResolvers<() => void>();
  room.room.issuer.routes['/certs'] = (_req, res) => {
    delete room.room.issuer.routes['/certs'];
    ask(() => res.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ keys: [room.room.issuer.publicKey] })));
  };
  const hangUp = new AbortController();
  const { signal } = hangUp;
  const ended = settled([room.post(callTool('echo'), { signal }), room.modern('tools/call', { name: 'echo' }, { signal }), stream(signal)]);
  const answer = await asked;
  await sleep(300);
  hangUp.abort();
  expect(await ended).toEqual(new Set(['rejected']));
  answer();
  expect((await room.post(callTool('echo'))).status).toBe(200);
  await expect.poll(inUse).toBe(0);
  expect(room.backend.calls().length).toBe(1);
});

it('while a session is still being begun: the session stays, the call is not made', async () => {
  room.backend.behave = ({ message }) => (message?.method === 'initialize' ? { kind: 'delay', milliseconds: 500 } : undefined);
  const signal = AbortSignal.timeout(300);
  expect(await settled([room.post(callTool('echo'), { signal }), room.modern('tools/call', { name: 'echo' }, { signal }), stream(signal)])).toEqual(new Set(['rejected']));
  await expect.poll(() => room.backend.requests.filter(({ message }) => message?.method === 'notifications/initialized').length, { timeout: 5_000 }).toBe(2);
  await expect.poll(async () => [inUse(), await openAnswers()]).toEqual([0, 0]);
  expect(room.backend.requests.some(({ method, message }) => method === 'GET' || message?.method === 'tools/call')).toBe(false);
});

it('while a lost session is being renewed: the call is not made again', async () => {
  await room.post(callTool('echo'));
  room.backend.sessions.clear();
  room.backend.behave = ({ message }) => (message?.method === 'initialize' ? { kind: 'delay', milliseconds: 500 } : undefined);
  await expect(room.post(callTool('echo'), { signal: AbortSignal.timeout(300) })).rejects.toThrow();
  await expect.poll(() => room.backend.requests.filter(({ message }) => message?.method === 'notifications/initialized').length, { timeout: 5_000 }).toBe(2);
  await expect.poll(async () => [inUse(), await openAnswers()]).toEqual([0, 0]);
  expect(room.backend.calls().length).toBe(2);
});

it('with streams open: all are forgotten', async () => {
  const hangUp = new AbortController();
  room.backend.onCall({ kind: 'stream', events: Infinity });
  await stream(hangUp.signal);
  await room.post(callTool('echo'), { signal: hangUp.signal });
  await room.modern('tools/call', { name: 'echo' }, { signal: hangUp.signal });
  await room.modern('subscriptions/listen', {}, { signal: hangUp.signal });
  expect([inUse(), await openAnswers()]).toEqual([4, 4]);
  hangUp.abort();
  await expect.poll(async () => [inUse(), await openAnswers()]).toEqual([0, 0]);
});

describe('a client that is refused', () => {
  it('keeps its connection, unless much of its body is left unread', async () => {
    const agent = new Agent({ keepAlive: true });
    const refused = async (bytes: number) => {
      const headers = { 'Content-Type': 'application/json', 'Content-Length': bytes };
      const sent = request(room.room.url(), { agent, method: 'POST', headers }).on('error', () => {});
      sent.flushHeaders();
      const [response] = (await once(sent, 'response')) as [{ statusCode: number; headers: { connection?: string }; resume(): void }];
      response.resume();
      sent.end('x'.repeat(bytes));
      return [response.statusCode, response.headers.connection];
    };
    expect(await refused(100)).toEqual([401, 'keep-alive']);
    expect(await refused(3_000_000)).toEqual([401, 'close']);
    agent.destroy();
  });
});
