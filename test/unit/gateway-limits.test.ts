import { once } from 'node:events';
import { request, Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Limits, shareLimits } from '../../server/limits.ts';
import type { Settings } from '../../server/settings.ts';
import type { Era } from '../support/backend-answers.ts';
import { GatewayRoom } from '../support/gateway-room.ts';
import { callTool } from '../support/server-room.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const close of closing.splice(0).reverse()) await close();
});

const bob = { claims: { sub: 'bob', preferred_username: 'bob' } };
let room: GatewayRoom;

/** Calls are made once the session with the backend stands, so that only they count. */
async function open(era: Era, limits: Partial<Settings['limits']>): Promise<void> {
  room = await GatewayRoom.open(era, { change: (_server, settings) => Object.assign(settings.limits, limits) });
  closing.push(() => room.close());
}

const call = (sent: Parameters<GatewayRoom['post']>[1] = {}) => room.post(callTool('echo'), sent);

/** Whether alice has as many places as she should, all of them free. */
async function expectPlaces(count: number): Promise<void> {
  const hangUp = new AbortController();
  room.backend.onCall({ kind: 'hang' });
  const before = room.backend.calls().length;
  for (let place = 0; place < count; place += 1) call({ signal: hangUp.signal }).catch(() => undefined);
  await expect.poll(() => room.backend.calls().length).toBe(before + count);
  expect((await call()).status).toBe(429);
  hangUp.abort();
  room.backend.behave = () => undefined;
  await expect.poll(async () => (await call()).status).toBe(200);
}

describe('the limits', () => {
  const settings = { perUser: 60, perAddress: 600, concurrent: 2, bodyBytes: 1_024 };
  const at = (milliseconds: number) => vi.useFakeTimers({ toFake: ['Date'], now: milliseconds });
  const taken = (take: () => number) => {
    let count = 0;
    while (take() === 0) count += 1;
    return count;
  };

  it('give a quarter of a minute\'s worth at once, then one by one, and never more than that after a rest', () => {
    at(1_000_000);
    const limits = new Limits(settings, shareLimits('seed'));
    expect(taken(() => limits.takeUser('alice'))).toBe(15);
    expect(limits.takeUser('alice')).toBe(1);
    at(1_001_000);
    expect(taken(() => limits.takeUser('alice'))).toBe(1);
    at(9_000_000);
    expect(taken(() => limits.takeUser('alice'))).toBe(15);
    expect(taken(() => limits.takeAddress('192.0.2.1'))).toBe(150);
  });

  it('hold for each user and each address by itself', () => {
    at(1_000_000);
    const limits = new Limits(settings, shareLimits('seed'));
    taken(() => limits.takeUser('alice'));
    expect(limits.takeUser('bob')).toBe(0);
    expect(limits.takeAddress('alice')).toBe(0);
  });

  it('say how long to wait for what is used up in advance', () => {
    at(1_000_000);
    const limits = new Limits(settings, shareLimits('seed'));
    limits.chargeUser('alice', 20);
    expect(limits.takeUser('alice')).toBe(6);
    at(1_006_000);
    expect(limits.takeUser('alice')).toBe(0);
  });

  it('let one request through even where a minute has not four', () => {
    at(1_000_000);
    const limits = new Limits({ ...settings, perUser: 1 }, shareLimits('seed'));
    expect([limits.takeUser('alice'), limits.takeUser('alice')]).toEqual([0, 60]);
  });

  it('count together in all workers', () => {
    at(1_000_000);
    const shared = shareLimits('seed');
    const [one, other] = [new Limits(settings, shared), new Limits(settings, shared)];
    expect(taken(() => one.takeUser('alice') + other.takeUser('alice'))).toBe(7);
    expect([one.enter('alice'), other.enter('alice'), one.enter('alice'), other.enter('alice')]).toEqual([true, true, false, false]);
    one.leave('alice');
    expect([other.enter('alice'), one.enter('alice')]).toEqual([true, false]);
  });

  it('of one do not hold for another whose slot is the same by chance', () => {
    at(1_000_000);
    const shared = shareLimits('seed');
    const limits = new Limits(settings, shared);
    const counts = new Int32Array(shared.counts);
    limits.enter('alice');
    const slots = [...counts.keys()].filter((slot) => counts[slot]! > 0);
    limits.leave('alice');
    expect(slots.length).toBe(2);
    for (const slot of slots) {
      at(Date.now() + 60_000);
      let neighbour = 0;
      for (let found = false; !found; neighbour += 1) {
        limits.enter(`user-${neighbour}`);
        found = counts[slot] === 1;
        limits.leave(`user-${neighbour}`);
      }
      const name = `user-${neighbour - 1}`;
      while (limits.enter(name)) taken(() => limits.takeUser(name));
      expect(counts[slot]).toBe(2);
      expect(limits.takeUser('alice')).toBe(0);
      expect([limits.enter('alice'), limits.enter('alice'), limits.enter('alice')]).toEqual([true, true, false]);
      for (const who of ['alice', 'alice', name, name]) limits.leave(who);
    }
    expect(counts.every((count) => count === 0)).toBe(true);
  });
});

describe('requests a minute', () => {
  it('of one user past the limit are answered with 429, which says when to try again; those of others are not', async () => {
    await open('stateless', { perUser: 8 });
    expect([(await call()).status, (await call()).status]).toEqual([200, 200]);
    const calls = room.backend.calls().length;
    const response = await call();
    expect([response.status, response.headers.get('Retry-After'), response.headers.get('WWW-Authenticate')]).toEqual([429, '8', null]);
    expect(await response.json()).toMatchObject({ error: 'too_many_requests' });
    for (const method of ['GET', 'DELETE']) expect((await room.raw(method, ['Authorization', `Bearer ${await room.token()}`])).status).toBe(429);
    expect((await call(bob)).status).toBe(200);
    expect(room.backend.calls().length).toBe(calls + 1);
    await expect.poll(() => room.room.lines().find(({ refused }) => refused === 'too-many-requests')).toMatchObject({ status: 429, reason: 'user', subject: 'f6a3c1d2-alice' });
  });

  it('of one address are counted before a token is looked at, and by what the front wrote, not the client', async () => {
    await open('stateless', { perAddress: 8 });
    const from = (forwarded: string[], token = 'wrong') => room.raw('POST', [...forwarded.flatMap((value) => ['X-Forwarded-For', value]), 'Authorization', `Bearer ${token}`], '{}');
    expect([(await from(['192.0.2.1'])).status, (await from(['198.51.100.1, 192.0.2.1'])).status]).toEqual([401, 401]);
    for (const forwarded of [['192.0.2.1'], ['203.0.113.7, 192.0.2.1'], ['203.0.113.8', '192.0.2.1'], ['203.0.113.9,192.0.2.1 ']]) {
      const { status, headers } = await from(forwarded, await room.token());
      expect([status, headers['retry-after']]).toEqual([429, '8']);
    }
    expect((await from(['192.0.2.2'])).status).toBe(401);
    expect((await call()).status).toBe(200);
  });

  it('are as many as a batch holds messages', async () => {
    await open('stateless', { perUser: 60 });
    const batch = Array.from({ length: 20 }, (_, id) => callTool('echo', {}, id));
    const headers = { 'MCP-Protocol-Version': '2025-03-26' };
    expect((await room.post(batch, { headers })).status).toBe(200);
    const response = await room.post(batch, { headers });
    expect(response.status).toBe(429);
    expect(Number(response.headers.get('Retry-After'))).toBeGreaterThan(3);
  });
});

describe.each<Era>(['modern', 'stateless', 'stateful'])('calls at the same time before a %s backend', (era) => {
  it('past the limit are answered with 429, and others may call at once', async () => {
    await open(era, { concurrent: 3 });
    room.backend.onCall({ kind: 'hang' });
    const hangUp = new AbortController();
    for (let calls = 0; calls < 3; calls += 1) call({ signal: hangUp.signal }).catch(() => undefined);
    await expect.poll(() => room.backend.calls().length).toBe(3);
    for (let more = 0; more < 10; more += 1) {
      const response = await call();
      expect([response.status, response.headers.get('Retry-After')]).toEqual([429, '1']);
    }
    room.backend.behave = () => undefined;
    const started = performance.now();
    expect((await call(bob)).status).toBe(200);
    expect((await room.modern('tools/call', { name: 'echo' }, bob)).status).toBe(200);
    expect(performance.now() - started).toBeLessThan(1_000);
    hangUp.abort();
    await expectPlaces(3);
  });

  it('are counted down again after an answer, a refusal, an error and a failure', async () => {
    await open(era, { concurrent: 2 });
    for (let times = 0; times < 3; times += 1) {
      expect((await call()).status).toBe(200);
      expect((await room.post({ jsonrpc: '2.0', method: 'notifications/progress', params: {} })).status).toBe(202);
      expect((await call({ claims: { scope: 'openid' } })).status).toBe(403);
      expect((await room.post('{')).status).toBe(400);
      expect((await room.post(callTool('echo'), { headers: { 'Content-Type': 'text/plain' } })).status).toBe(415);
      expect((await room.raw('PUT', ['Authorization', `Bearer ${await room.token()}`])).status).toBe(405);
      room.backend.onCall({ kind: 'reset' });
      expect((await call()).status).toBe(502);
      room.backend.behave = () => undefined;
    }
    await expectPlaces(2);
  });

  it('of requests that wait behind another on one connection are counted down when the client is gone', async () => {
    await open(era, { concurrent: 3 });
    expect((await call()).status).toBe(200);
    room.backend.onCall({ kind: 'hang' });
    const body = JSON.stringify(callTool('echo'));
    const headers = [`Host: ${room.room.url().host}`, 'Content-Type: application/json', `Authorization: Bearer ${await room.token()}`, `Content-Length: ${body.length}`];
    const socket = await connected();
    socket.write(`POST /mcp HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n${body}`.repeat(3));
    await expect.poll(() => room.backend.calls().length).toBe(4);
    socket.destroy();
    // What nobody waits for any more ends at the backend too, and is in the log.
    await expect.poll(() => room.backend.calls().slice(1).map(({ hungUp }) => hungUp)).toEqual([true, true, true]);
    await expect.poll(() => room.room.lines().filter(({ hungUp }) => hungUp === true).length).toBe(3);
    await expectPlaces(3);
  });
});

describe('open streams', () => {
  it.each<[string, Era, () => Promise<Response>]>([
    ['GET streams', 'stateful', async () => fetch(room.room.url(), { headers: { Authorization: `Bearer ${await room.token()}`, Accept: 'text/event-stream' }, signal: hangUp.signal })],
    ['subscriptions', 'modern', () => room.modern('subscriptions/listen', { notifications: {} }, { signal: hangUp.signal })],
    ['subscriptions that the gateway acknowledges itself', 'stateless', () => room.modern('subscriptions/listen', { notifications: {} }, { signal: hangUp.signal })],
  ])('count as calls under way, and no longer once they are closed: %s', async (_kind, era, listen) => {
    await open(era, { concurrent: 4 });
    hangUp = new AbortController();
    for (let streams = 0; streams < 4; streams += 1) expect((await listen()).status).toBe(200);
    expect([(await listen()).status, (await call()).status]).toEqual([429, 429]);
    const started = performance.now();
    expect((await call(bob)).status).toBe(200);
    expect(performance.now() - started).toBeLessThan(1_000);
    hangUp.abort();
    await expect.poll(async () => (await call()).status).toBe(200);
    await expectPlaces(4);
  });
  let hangUp: AbortController;
});

describe('a body', () => {
  const json = async () => ['Content-Type', 'application/json', 'Authorization', `Bearer ${await room.token()}`];
  const padded = (bytes: number, letter = 'x') => JSON.stringify(callTool('echo', { padding: letter.repeat(bytes) }));

  it('of more bytes than the limit is answered with 413, with and without a Content-Length, and goes nowhere', async () => {
    await open('stateless', { bodyBytes: 2_000, concurrent: 2 });
    expect((await room.post(padded(1_000))).status).toBe(200);
    const calls = room.backend.requests.length;
    for (const body of [padded(3_000), padded(1_000, 'ü')])
      for (const framing of [['Content-Length', String(Buffer.byteLength(body))], ['Transfer-Encoding', 'chunked']]) {
        const { status, text } = await room.raw('POST', [...(await json()), ...framing], body);
        expect(status).toBe(413);
        expect(JSON.parse(text)).toMatchObject({ jsonrpc: '2.0', id: null, error: { code: -32600 } });
      }
    expect(room.backend.requests.length).toBe(calls);
    await expectPlaces(2);
  });

  it('that announces too much is refused before it is sent', async () => {
    await open('stateless', { bodyBytes: 2_000 });
    const sent = request(room.room.url(), { method: 'POST', headers: ['Host', room.room.url().host, ...(await json()), 'Content-Length', '1000000000'] });
    sent.flushHeaders();
    const [response] = (await once(sent, 'response')) as [{ statusCode: number; headers: Record<string, string> }];
    expect([response.statusCode, response.headers.connection]).toEqual([413, 'close']);
    sent.destroy();
  });

  it('that stops half-way reaches nobody, and leaves nothing behind when the client goes', async () => {
    await open('stateless', { concurrent: 2 });
    expect((await call()).status).toBe(200);
    const sockets: Socket[] = [];
    for (let halves = 0; halves < 2; halves += 1) {
      const socket = await connected();
      sockets.push(socket);
      socket.write(`POST /mcp HTTP/1.1\r\nHost: ${room.room.url().host}\r\nContent-Type: application/json\r\nAuthorization: Bearer ${await room.token()}\r\nContent-Length: 500\r\n\r\n{"jsonrpc"`);
    }
    await expect.poll(async () => (await call()).status).toBe(429);
    expect((await call(bob)).status).toBe(200);
    const calls = room.backend.calls().length;
    for (const socket of sockets) socket.destroy();
    await expectPlaces(2);
    expect(room.backend.calls().slice(calls).every(({ message }) => message?.params?.name === 'echo')).toBe(true);
  });
});

it('a client that is slow with its headers or its body is given up', async () => {
  const listens = vi.spyOn(Server.prototype, 'listen');
  closing.push(() => listens.mockRestore());
  await open('stateless', {});
  const servers = listens.mock.contexts as Server[];
  const server = servers.find((candidate) => (candidate.address() as AddressInfo).port === room.room.listening.port)!;
  expect({ headers: server.headersTimeout, request: server.requestTimeout }).toEqual({ headers: 15_000, request: 60_000 });
  // A front that reuses a connection must not meet one that is just being closed (nginx keeps them for 60 s).
  expect(server.keepAliveTimeout).toBeGreaterThan(60_000);
});

async function connected(): Promise<Socket> {
  const socket = connect(Number(room.room.url().port), '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}
