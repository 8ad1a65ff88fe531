import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GatewayRoom, messagesOf } from '../support/gateway-room.ts';
import { callTool, initialize, messageOf } from '../support/server-room.ts';

let room: GatewayRoom;
beforeEach(async () => {
  room = await GatewayRoom.open('stateful');
});
afterEach(() => room.close());

describe('the two sequences of Claude', () => {
  it('the old one: offers 2024-11-05, never echoes the session id, asks for everything, opens GET', async () => {
    const accept = { Accept: 'application/json, text/event-stream' };
    const begun = { jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'claude-ai', version: '0.1.0' } } };
    const first = await room.room.post(begun);
    expect(first.status).toBe(401);
    expect(first.headers.get('WWW-Authenticate')).toBe('Bearer resource_metadata="https://mcp.example.org/.well-known/oauth-protected-resource/mcp", scope="mcp:read"');
    expect(room.backend.requests).toEqual([]);

    const response = await room.post(begun, { headers: accept });
    expect(response.status).toBe(200);
    // It stopped where there was none.
    expect(response.headers.get('Mcp-Session-Id')).toBeTruthy();
    expect(await messageOf(response)).toMatchObject({ id: 0, result: { serverInfo: { name: 'recording-backend' } } });
    expect(room.backend.requests.find(({ message }) => message?.method === 'initialize')!.message!.params).toEqual(begun.params);
    expect((await room.post({ jsonrpc: '2.0', method: 'notifications/initialized' }, { headers: accept })).status).toBe(202);
    const asked = ['tools/list', 'prompts/list', 'resources/list'];
    const answers = await Promise.all(asked.map(async (method, index) => (await messagesOf(await room.post({ jsonrpc: '2.0', id: index + 1, method, params: {} }, { headers: accept })))[0]));
    expect(answers).toMatchObject([{ id: 1, result: { tools: [{}, {}] } }, { id: 2, result: { prompts: [{}] } }, { id: 3, result: { resources: [{}] } }]);

    const hangUp = new AbortController();
    const stream = await fetch(room.room.url(), { headers: { Authorization: `Bearer ${await room.token()}`, Accept: 'text/event-stream' }, signal: hangUp.signal });
    expect([stream.status, stream.headers.get('Content-Type')]).toEqual([200, 'text/event-stream']);
    room.backend.push({ method: 'notifications/tools/list_changed' });
    expect(Buffer.from((await stream.body!.getReader().read()).value!).toString()).toContain('notifications/tools/list_changed');
    hangUp.abort();
    expect(room.backend.sessions.size).toBe(1);
  });

  it("today's: never echoes the session id, and gives concurrent calls the same id", async () => {
    await room.post({ ...initialize('2025-06-18', 0), params: { ...initialize('2025-06-18').params, clientInfo: { name: 'claude-ai', version: '0.1.0' } } });
    const headers = { 'MCP-Protocol-Version': '2025-06-18' };
    expect((await room.post({ jsonrpc: '2.0', method: 'notifications/initialized' }, { headers })).status).toBe(202);
    room.backend.onCall({ kind: 'stream', events: 2, everyMilliseconds: 20 });
    const answers = await Promise.all(Array.from({ length: 10 }, async (_, n) => messagesOf(await room.post(callTool('echo', { n }, 1), { headers }))));
    answers.forEach((messages, n) => expect(messages.at(-1)).toMatchObject({ id: 1, result: { content: [{ text: JSON.stringify({ tool: 'echo', arguments: { n } }) }] } }));
    expect([room.backend.collisions, room.backend.sessions.size]).toEqual([0, 1]);
  });

  it("says that it takes anything, as its cloud's HTTP client does by itself, and is not refused by a server that looks for names", async () => {
    await room.post(initialize('2025-11-25', 0), { headers: { Accept: '*/*' } });
    room.backend.requests.length = 0;
    expect((await room.post(callTool('echo', {}, 1), { headers: { Accept: '*/*', 'MCP-Protocol-Version': '2025-11-25' } })).status).toBe(200);
    expect(room.backend.calls('echo')[0]!.headers.accept).toBe('application/json, text/event-stream');
  });
});
