import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GatewayRoom, messagesOf, type Sent } from '../support/gateway-room.ts';
import { callTool } from '../support/server-room.ts';

let room: GatewayRoom;
beforeEach(async () => {
  room = await GatewayRoom.open('stateful');
});
afterEach(() => room.close());

const bob: Sent = { claims: { sub: 'bob', preferred_username: 'bob' } };

describe('ids of clients', () => {
  const cancelled = () => room.backend.requests.filter(({ message }) => message?.method === 'notifications/cancelled').map(({ message }) => message!.params!);
  const cancel = (requestId: unknown, reason?: string) => ({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId, reason } });

  it.each([1, 'one', 0, ''])('a cancellation that names %j reaches the backend under the id that it knows', async (id) => {
    room.backend.onCall({ kind: 'stream', events: Infinity });
    const hangUp = new AbortController();
    await room.post(callTool('echo', {}, id), { signal: hangUp.signal });
    expect((await room.post(cancel(id, 'enough'))).status).toBe(202);
    await expect.poll(cancelled).toEqual([{ requestId: room.backend.calls()[0]!.message!.id, reason: 'enough' }]);
    hangUp.abort();
  });

  it('a cancellation ends no call of another user or client, or of another type of id', async () => {
    room.backend.onCall({ kind: 'stream', events: Infinity });
    const hangUp = new AbortController();
    await room.post(callTool('echo', {}, 1), { signal: hangUp.signal });
    for (const [id, sent] of [[1, bob], [1, { claims: { azp: 'another' } }], ['1', {}], [2, {}], [undefined, {}], [{}, {}]] as [unknown, Sent][]) expect((await room.post(cancel(id), sent)).status).toBe(202);
    await room.post(callTool('echo', {}, 2), { ...bob, signal: hangUp.signal });
    expect(cancelled()).toEqual([]);
    hangUp.abort();
  });

  it('a cancellation that could mean several calls ends none', async () => {
    room.backend.onCall({ kind: 'stream', events: Infinity });
    const hangUp = new AbortController();
    for (let n = 0; n < 2; n += 1) await room.post(callTool('echo', { n }, 1), { signal: hangUp.signal });
    await room.post(cancel(1));
    await room.post({ jsonrpc: '2.0', id: 3, method: 'ping' });
    expect(cancelled()).toEqual([]);
    hangUp.abort();
  });

  it('a client that goes away has not cancelled (2025-11-25, transports)', async () => {
    room.backend.onCall({ kind: 'stream', events: Infinity });
    const hangUp = new AbortController();
    await room.post(callTool('echo', {}, 1), { signal: hangUp.signal });
    hangUp.abort();
    await expect.poll(() => room.backend.calls()[0]!.hungUp).toBe(true);
    await room.post({ jsonrpc: '2.0', id: 3, method: 'ping' });
    expect(cancelled()).toEqual([]);
  });

  it.each([7, 'token', 1.5, 1e300, 'long '.repeat(100)])('progress comes back under the token %j', async (progressToken) => {
    room.backend.onCall({ kind: 'stream', events: 2 });
    const call = callTool('echo');
    const messages = await messagesOf(await room.post({ ...call, params: { ...call.params, _meta: { progressToken, other: 'kept' } } }));
    expect(messages).toMatchObject([{ params: { progressToken, progress: 1 } }, { params: { progressToken, progress: 2 } }, { id: 1, result: {} }]);
    expect(room.backend.calls()[0]!.message!.params!._meta).toMatchObject({ other: 'kept' });
  });

  it('progress tokens of calls at the same time differ at the backend, where the client gave all the same', async () => {
    const call = { ...callTool('echo'), params: { name: 'echo', _meta: { progressToken: 1 } } };
    await Promise.all([room.post(call), room.post(call), room.modern('tools/call', call.params)]);
    expect(new Set(room.backend.calls().map(({ message }) => message!.params!._meta!.progressToken)).size).toBe(3);
  });

  it('a batch is answered with the ids of its requests, and what it cancels is cancelled while the rest goes on', async () => {
    const headers = { 'MCP-Protocol-Version': '2025-03-26' };
    const batch = [cancel(99), callTool('echo', { n: 1 }, 1), { jsonrpc: '2.0', method: 'notifications/initialized' }, callTool('echo', { n: 2 }, 'two')];
    expect(await (await room.post(batch, { headers, signal: AbortSignal.timeout(3_000) })).json()).toMatchObject([{ id: 1, result: {} }, { id: 'two', result: {} }]);
    const forwarded = JSON.parse(room.backend.requests.at(-1)!.body) as { id: unknown }[];
    expect(forwarded.map(({ id }) => typeof id)).toEqual(['string', 'string']);
    expect(new Set(forwarded.map(({ id }) => id)).size).toBe(2);
  });
});
