import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { initialize, messagesOf, Supervised, textOf, toolCall } from '../support/supervised.ts';

let room: Supervised;
beforeAll(async () => {
  room = await Supervised.start(['legacy']);
});
afterAll(() => room.stop());

describe('sessions of clients before 2026-07-28', () => {
  it('begin with initialize, which names them', async () => {
    const response = await room.post(initialize());
    expect(response.status).toBe(200);
    expect(response.headers.get('Mcp-Session-Id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(await messagesOf(response)).toMatchObject([{ id: 1, result: { protocolVersion: '2025-11-25', serverInfo: { name: 'legacy' } } }]);
  });

  it('share the process of their user, which sees one handshake', async () => {
    const [first, second] = [await room.client('bob'), await room.client('bob')];
    expect(first.sessionId).not.toBe(second.sessionId);
    const pids = await Promise.all([first, second].map(async (client) => JSON.parse(textOf(await client.callTool({ name: 'whereabouts' }))).pid as number));
    expect(pids[0]).toBe(pids[1]);
    const seen = JSON.parse(textOf(await second.callTool({ name: 'seen' }))) as string[];
    expect(seen).toEqual(['initialize', 'notifications/initialized', 'tools/call', 'tools/call', 'tools/call']);
  });

  it('must be named by every request after: 400 without', async () => {
    expect((await room.post(toolCall('seen'))).status).toBe(400);
    expect((await fetch(room.url, { headers: { 'Drawbridge-Subject': 'alice' } })).status).toBe(400);
  });

  it('get 404 where they are unknown, ended, or another user\'s', async () => {
    const id = (await room.post(initialize())).headers.get('Mcp-Session-Id')!;
    const status = async (session: string, subject: string) =>
      (await room.post(toolCall('seen'), { 'Mcp-Session-Id': session, 'Drawbridge-Subject': subject })).status;
    expect(await status(id, 'alice')).toBe(200);
    expect(await status(id, 'mallory')).toBe(404);
    expect(await status('00000000-0000-0000-0000-000000000000', 'alice')).toBe(404);

    const end = (subject: string) => fetch(room.url, { method: 'DELETE', headers: { 'Drawbridge-Subject': subject, 'Mcp-Session-Id': id } });
    expect((await end('mallory')).status).toBe(404);
    expect(await status(id, 'alice')).toBe(200);
    expect((await end('alice')).status).toBe(204);
    expect(await status(id, 'alice')).toBe(404);
  });

  it('have one GET stream', async () => {
    const id = (await room.post(initialize())).headers.get('Mcp-Session-Id')!;
    const open = new AbortController();
    const get = () => fetch(room.url, { headers: { 'Drawbridge-Subject': 'alice', 'Mcp-Session-Id': id, Accept: 'text/event-stream' }, signal: open.signal });
    const stream = await get();
    expect(stream.headers.get('Content-Type')).toBe('text/event-stream');
    expect(stream.headers.get('X-Accel-Buffering')).toBe('no');
    expect((await get()).status).toBe(409);
    open.abort();
  });
});

describe('requests that make no sense', () => {
  it('need a subject, percent-encoded', async () => {
    for (const subject of ['', '%E0%A4%A']) expect((await room.post(initialize(), { 'Drawbridge-Subject': subject })).status).toBe(400);
  });

  const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  it.each(['', 'no json', '[]', '{"jsonrpc":"2.0"}', `[${ping}]`, ping.replace('1', 'null')])('get 400: %s', async (body) => {
    const response = await fetch(room.url, { method: 'POST', headers: { 'Drawbridge-Subject': 'alice' }, body });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: -32600 } });
  });

  it('get 400 where they are nested deeper than 500 levels', async () => {
    const body = ping.replace('"ping"', `"ping","params":{"deep":${'['.repeat(10_000)}${']'.repeat(10_000)}}`);
    const response = await fetch(room.url, { method: 'POST', headers: { 'Drawbridge-Subject': 'alice' }, body });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { message: 'The body is nested deeper than 500 levels' } });
  });

  it('get 413 where they are larger than 16 MB', async () => {
    const response = await fetch(room.url, { method: 'POST', headers: { 'Drawbridge-Subject': 'alice' }, body: 'x'.repeat(17 * 1024 * 1024) });
    expect(response.status).toBe(413);
  });

  it('get 404 on other paths and 405 for other methods', async () => {
    expect((await fetch(new URL('/other', room.url))).status).toBe(404);
    expect((await fetch(room.url, { method: 'PUT', headers: { 'Drawbridge-Subject': 'alice' } })).status).toBe(405);
    expect((await fetch(new URL('/health', room.url))).status).toBe(200);
  });
});
