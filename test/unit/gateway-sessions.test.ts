import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Backend } from '../../server/relay/backend.ts';
import { cachedSessions } from '../../server/sessions/cached.ts';
import { SessionRegistry } from '../../server/sessions/registry.ts';
import type { Sessions } from '../../server/sessions/session.ts';
import { GatewayRoom, messagesOf, type Sent } from '../support/gateway-room.ts';
import type { Recorded } from '../support/recording-backend.ts';
import { callTool, initialize, messageOf } from '../support/server-room.ts';

// Before a stateful backend: what is hard is there.
let room: GatewayRoom;
beforeEach(async () => {
  room = await GatewayRoom.open('stateful');
});
afterEach(() => room.close());

const bob: Sent = { claims: { sub: 'bob', preferred_username: 'bob' } };
const inSession = (id: string, sent: Sent = {}): Sent => ({ ...sent, headers: { ...sent.headers, 'Mcp-Session-Id': id } });
const begin = async (sent: Sent = {}, words = initialize()) => (await room.post(words, sent)).headers.get('Mcp-Session-Id')!;
const handshakes = () => room.backend.requests.filter(({ message }) => message?.method === 'initialize');
const said = async (response: Response) => JSON.parse(((await messagesOf(response)).at(-1) as { result: { content: [{ text: string }] } }).result.content[0].text) as unknown;
const sessionsOf = (requests: readonly Recorded[]) => new Set(requests.map(({ headers }) => headers['mcp-session-id']));

describe('one session at the backend for each user and client', () => {
  it('20 concurrent calls of two users, all with the id 1 and no session id, each get their own answer', async () => {
    room.backend.onCall({ kind: 'delay', milliseconds: 100 });
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const response = await room.post(callTool('echo', { n }), n % 2 === 0 ? {} : bob);
        const [message] = await messagesOf(response.clone());
        return { id: message!.id, said: await said(response) };
      }),
    );
    answers.forEach((answer, n) => expect(answer).toEqual({ id: 1, said: { tool: 'echo', arguments: { n } } }));
    expect(room.backend.collisions).toBe(0);
    expect(room.backend.sessions.size).toBe(2);
    for (const subject of ['f6a3c1d2-alice', 'bob']) expect(sessionsOf(room.backend.calls().filter(({ headers }) => headers['drawbridge-subject'] === subject)).size).toBe(1);
  });

  it('two clients of one user have two', async () => {
    for (const azp of ['a-client', 'another', 'another']) await room.post(callTool('echo'), { claims: { azp } });
    expect(room.backend.sessions.size).toBe(2);
  });

  it('20 concurrent first calls, or initialize, make one handshake', async () => {
    room.backend.behave = ({ message }) => (message?.method === 'initialize' ? { kind: 'delay', milliseconds: 100 } : undefined);
    await Promise.all(Array.from({ length: 20 }, () => room.post(callTool('echo'))));
    expect(handshakes().length).toBe(1);
    const ids = await Promise.all(Array.from({ length: 20 }, () => begin()));
    expect(new Set(ids).size).toBe(1);
    expect(handshakes().length).toBe(2);
  });

  it('a handshake that fails is tried again by the next call', async () => {
    room.backend.behave = () => ({ kind: 'status', status: 503 });
    const refused = await room.post(callTool('echo', {}, 'mine'));
    expect([refused.status, refused.headers.get('Retry-After')]).toEqual([503, '5']);
    expect(await messageOf(refused)).toMatchObject({ id: 'mine', error: { code: -32603 } });
    room.backend.behave = () => undefined;
    expect((await room.post(callTool('echo'))).status).toBe(200);
  });

  it('the backend is told initialized once, by the gateway, and not again by each client', async () => {
    for (let client = 0; client < 3; client += 1) {
      await begin();
      expect((await room.post({ jsonrpc: '2.0', method: 'notifications/initialized' })).status).toBe(202);
    }
    expect(room.backend.requests.filter(({ message }) => message?.method === 'notifications/initialized').length).toBe(1);
  });
});

describe('the session id toward the client', () => {
  it('is the gateway\'s own, and is answered where it is sent back or not', async () => {
    const id = await begin();
    expect(id).toMatch(/^[\x21-\x7e]{20,}$/);
    expect(room.backend.sessions.has(id)).toBe(false);
    for (const sent of [{}, inSession(id)]) expect(await said(await room.post(callTool('echo'), sent))).toMatchObject({ tool: 'echo' });
    expect(sessionsOf(room.backend.calls())).toEqual(room.backend.sessions);
  });

  it('initialize with the same words gets the same session, with other words a new one', async () => {
    const other = { ...initialize(), params: { ...initialize().params, clientInfo: { name: 'a-client', version: '2' } } };
    const [first, again, changed] = [await begin(), await begin(), await begin({}, other)];
    expect(again).toBe(first);
    expect(changed).not.toBe(first);
    expect(room.backend.sessions.size).toBe(2);
  });

  it('initialize is answered with the id of its request, what the backend says of itself, and no session of the backend', async () => {
    const response = await room.post(initialize('2025-06-18', 'begin'));
    expect(await messageOf(response)).toMatchObject({ id: 'begin', result: { protocolVersion: '2025-06-18', serverInfo: { name: 'recording-backend' }, capabilities: { tools: {}, logging: {} } } });
    expect([...room.backend.sessions].some((session) => JSON.stringify([...response.headers]).includes(session))).toBe(false);
  });

  it('of nobody, or of another user or client, gets 404 and reaches no backend', async () => {
    const id = await begin();
    await room.post(callTool('echo'), bob);
    const before = room.backend.requests.length;
    for (const sent of [inSession('no-such-session'), inSession(id, bob), inSession(id, { claims: { azp: 'another' } }), inSession([...room.backend.sessions][0]!), inSession('')]) {
      const response = await room.post(callTool('echo', {}, 9), sent);
      expect(response.status).toBe(404);
      expect(await messageOf(response)).toMatchObject({ id: 9, error: { message: 'Session not found' } });
    }
    expect(room.backend.requests.length).toBe(before);
  });

  it('of a gateway before this one goes on as the one that its user and client have here', async () => {
    const id = await begin();
    room.backend.requests.length = 0;
    const former = 'A'.repeat(id.length);
    expect((await room.post(callTool('echo'), inSession(former))).status).toBe(200);
    expect((await room.post(callTool('echo'), inSession(former, bob))).status).toBe(200);
    const [mine, bobs] = room.backend.calls().map(({ headers }) => headers['mcp-session-id']);
    expect(mine).not.toBe(bobs);
  });

  it('ends with DELETE, at the backend too, and only by its owner', async () => {
    const id = await begin();
    const end = async (sent: Sent) => (await fetch(room.room.url(), { method: 'DELETE', headers: { Authorization: `Bearer ${await room.token(sent.claims)}`, ...sent.headers } })).status;
    expect(await end(inSession(id, bob))).toBe(404);
    expect(await end({})).toBe(400);
    expect(room.backend.sessions.size).toBe(1);
    expect(await end(inSession(id))).toBe(200);
    await expect.poll(() => room.backend.sessions.size).toBe(0);
    expect((await room.post(callTool('echo'), inSession(id))).status).toBe(404);
    expect(await end(inSession(id))).toBe(404);
    // Without an id there is always a session.
    expect((await room.post(callTool('echo'))).status).toBe(200);
  });

  it('stays while another window of the same client uses it', async () => {
    const [first, second] = [await begin(), await begin()];
    const end = async () => fetch(room.room.url(), { method: 'DELETE', headers: { Authorization: `Bearer ${await room.token()}`, 'Mcp-Session-Id': first } });
    await end();
    expect((await room.post(callTool('echo'), inSession(second))).status).toBe(200);
    await end();
    expect((await room.post(callTool('echo'), inSession(second))).status).toBe(404);
  });

  it('a user has few at a time: the oldest goes, at the backend too', async () => {
    const words = (version: string) => ({ ...initialize(), params: { ...initialize().params, clientInfo: { name: 'a', version } } });
    const ids: string[] = [];
    for (let n = 0; n < 12; n += 1) ids.push(await begin({}, words(String(n))));
    await expect.poll(() => room.backend.sessions.size).toBe(8);
    expect((await room.post(callTool('echo'), inSession(ids[11]!))).status).toBe(200);
  });
});

describe('a backend that has forgotten its sessions', () => {
  const gone = '{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},"id":null}';
  const forgets: Record<string, () => void> = {
    'answers 404, as it must': () => {},
    'answers 400, as servers do that copied an example': () => {
      room.backend.behave = ({ message, headers }) =>
        message?.method !== 'initialize' && !room.backend.sessions.has(String(headers['mcp-session-id'])) ? { kind: 'status', status: 400, headers: { 'Content-Type': 'application/json' }, body: gone } : undefined;
    },
  };

  it.each(Object.keys(forgets))('and %s, is spoken to in a new session, without the client noticing', async (how) => {
    forgets[how]!();
    const client = new ClientV1({ name: 'v1', version: '1' });
    await client.connect(new TransportV1(room.room.url(), { requestInit: { headers: { Authorization: `Bearer ${await room.token()}` } } }));
    room.backend.sessions.clear();
    const answers = await Promise.all(Array.from({ length: 5 }, (_, n) => client.callTool({ name: 'echo', arguments: { n } })));
    answers.forEach((answer, n) => expect(answer).toMatchObject({ content: [{ text: JSON.stringify({ tool: 'echo', arguments: { n } }) }] }));
    expect(room.backend.sessions.size).toBe(1);
    expect(handshakes().length).toBe(2);
    // In the client's own words.
    expect(handshakes()[1]!.message!.params).toEqual(handshakes()[0]!.message!.params);
    await client.close();
  });

  it('and does not get well answers each call once, with 404', async () => {
    const id = await begin();
    room.backend.onCall({ kind: 'status', status: 404, headers: { 'Content-Type': 'application/json' }, body: '{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}' });
    const response = await room.post(callTool('echo'), inSession(id));
    expect(response.status).toBe(404);
    expect(room.backend.calls().length).toBe(2);
  });

  it('and whose new session fails answers 503 with the id of the call', async () => {
    const id = await begin();
    room.backend.sessions.clear();
    room.backend.behave = ({ message }) => (message?.method === 'initialize' || message?.method === 'server/discover' ? { kind: 'status', status: 500 } : undefined);
    const response = await room.post(callTool('echo', {}, 'mine'), inSession(id));
    expect([response.status, response.headers.get('Retry-After')]).toEqual([503, '5']);
    expect(await messageOf(response)).toMatchObject({ id: 'mine', error: { code: -32603 } });
  });

  it('is not taken for one when its 400 is about something else: that goes to the client, with the id that it knows', async () => {
    await begin();
    room.backend.behave = ({ message }) =>
      message?.method === 'tools/call'
        ? { kind: 'status', status: 400, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ jsonrpc: '2.0', id: message.id, error: { code: -32602, message: 'größe?' } }) }
        : undefined;
    const response = await room.post(callTool('echo', {}, 'mine'));
    expect(response.status).toBe(400);
    expect(await messageOf(response)).toEqual({ jsonrpc: '2.0', id: 'mine', error: { code: -32602, message: 'größe?' } });
    expect(room.backend.calls().length).toBe(1);
  });
});

describe('time', () => {
  const owner = { server: 'mcp', subject: 'alice', clientId: 'a' };
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'a', version: '1' } };
  const now = performance.now.bind(performance);
  let passed = 0;
  /** The cache reads the clock again only after a moment. */
  const pass = async (milliseconds: number) => {
    passed += milliseconds;
    await new Promise((resolve) => setTimeout(resolve, 10));
  };
  beforeEach(() => void vi.spyOn(performance, 'now').mockImplementation(() => now() + passed));
  afterEach(() => void vi.restoreAllMocks());

  it('ends a session that was not used for half an hour, at the backend too, and none that has a stream open', async () => {
    const backend = new Backend({ url: room.backend.url, identity: 'none', headers: {} });
    const registry = new SessionRegistry(new Map([['mcp', backend]]));
    const [idle, open] = [await registry.initialize(owner, params, {}), await registry.initialize({ ...owner, subject: 'bob' }, params, {})];
    await pass(20 * 60_000);
    registry.touch([open.id, 'no-such-session']);
    await pass(20 * 60_000);
    registry.sweep();
    expect(registry.size).toBe(1);
    expect(await registry.find(idle.id, owner)).toBeUndefined();
    expect((await registry.find(open.id, { ...owner, subject: 'bob' }))?.id).toBe(open.id);
    await expect.poll(() => [...room.backend.sessions]).toEqual([open.backendId]);
    await backend.close();
  });

  it('lets a worker remember sessions for a short while, and not once they ended or were renewed', async () => {
    const session = { id: 's', owner, era: 'legacy', backendId: 'b1', protocolVersion: '2025-11-25', result: {} } as const;
    const find = vi.fn(() => Promise.resolve(session));
    const renewed = { ...session, backendId: 'b2' };
    const cached = cachedSessions({ find, end: () => Promise.resolve(), renew: () => Promise.resolve(renewed) } as Partial<Sessions> as Sessions);
    for (let n = 0; n < 3; n += 1) expect(await cached.find('s', owner)).toBe(session);
    expect(find).toHaveBeenCalledTimes(1);
    await cached.find('s', { ...owner, subject: 'bob' });
    expect(find).toHaveBeenCalledTimes(2);
    await cached.renew('s', 'b1', {});
    expect(await cached.find('s', owner)).toBe(renewed);
    await pass(11_000);
    await cached.find('s', owner);
    expect(find).toHaveBeenCalledTimes(3);
    await cached.end('s', owner);
    await cached.find('s', owner);
    expect(find).toHaveBeenCalledTimes(4);
  });
});
