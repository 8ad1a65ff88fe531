import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callTool, initialize, messageOf, ServerRoom } from '../support/server-room.ts';

const builtinTools = ['whoami', 'echo', 'wait', 'note_read', 'note_write'];

let room: ServerRoom;
const bearer = async (claims = {}) => ({ requestInit: { headers: { Authorization: `Bearer ${await room.issuer.token(claims)}` } } });
const both = { scope: 'mcp:read mcp:write' };

beforeAll(async () => {
  room = await ServerRoom.open();
});
afterAll(() => room.close());

describe.each(['/mcp', '/mcp/'])('the one URL, as %s,', (path) => {
  it.each(['2026-07-28', undefined])('serves the v2 client with protocol version %s (undefined: the one before)', async (pin) => {
    const client = new Client({ name: 'v2', version: '1' }, pin ? { versionNegotiation: { mode: { pin } } } : {});
    await client.connect(new StreamableHTTPClientTransport(room.url(path), await bearer(both)));
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(builtinTools);
    expect((await client.callTool({ name: 'whoami' })).structuredContent).toMatchObject({ subject: 'f6a3c1d2-alice', username: 'alice', client: 'a-client' });
    expect((await client.callTool({ name: 'echo', arguments: { message: 'hello' } })).content).toEqual([{ type: 'text', text: 'hello' }]);
    await client.close();
  });

  it('serves the v1 client', async () => {
    const client = new ClientV1({ name: 'v1', version: '1' });
    await client.connect(new TransportV1(room.url(path), await bearer(both)));
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(builtinTools);
    await client.callTool({ name: 'note_write', arguments: { name: 'a', text: 'kept' } });
    expect((await client.callTool({ name: 'note_read', arguments: { name: 'a' } })).content).toEqual([{ type: 'text', text: 'kept' }]);
    await client.close();
  });
});

describe('earlier protocol versions', () => {
  it.each(['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'])('initialize with %s is answered with the same version', async (version) => {
    const response = await room.post(initialize(version), await room.issuer.token());
    expect(response.status).toBe(200);
    expect((await messageOf(response)).result).toMatchObject({ protocolVersion: version });
  });

  it('initialize with an unknown version is answered with one that is known', async () => {
    const message = await messageOf(await room.post(initialize('2099-01-01'), await room.issuer.token()));
    expect(message.result).toMatchObject({ protocolVersion: '2025-11-25' });
  });

  it('calls need neither a session nor a version header (2025-03-26)', async () => {
    const message = await messageOf(await room.post(callTool('echo', { message: 'a' }), await room.issuer.token()));
    expect(message.result).toMatchObject({ content: [{ type: 'text', text: 'a' }] });
  });

  it('a notification gets 202', async () => {
    expect((await room.post({ jsonrpc: '2.0', method: 'notifications/initialized' }, await room.issuer.token())).status).toBe(202);
  });

  it('GET gets 405 that allows POST where the backend keeps no sessions', async () => {
    const response = await room.post(undefined, await room.issuer.token(), { method: 'GET', body: undefined });
    expect(response.status).toBe(405);
    expect(response.headers.get('Allow')).toContain('POST');
  });

  it('streams say that the front must not hold them back', async () => {
    const response = await room.post(callTool('echo', { message: 'a' }), await room.issuer.token());
    expect(response.headers.get('Content-Type')).toContain('text/event-stream');
    expect(response.headers.get('X-Accel-Buffering')).toBe('no');
  });

  it('20 concurrent calls of two users, all with the id 1, each get their own answer', async () => {
    const tokens = await Promise.all([0, 1].map((user) => room.issuer.token({ sub: `user-${user}` })));
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => (await messageOf(await room.post(callTool('whoami'), tokens[i % 2]))).result?.structuredContent),
    );
    answers.forEach((answer, i) => expect(answer).toMatchObject({ subject: `user-${i % 2}` }));
  });
});

describe('protocol version 2026-07-28', () => {
  const modern = async (message: { method: string; params?: object }, headers: Record<string, string> = {}, version = '2026-07-28') => {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': version,
      'io.modelcontextprotocol/clientCapabilities': {},
      'io.modelcontextprotocol/clientInfo': { name: 'a-client', version: '1' },
    };
    const body = { jsonrpc: '2.0', id: 1, method: message.method, params: { ...message.params, _meta: meta } };
    return room.post(body, await room.issuer.token(), { headers: { 'MCP-Protocol-Version': version, 'Mcp-Method': message.method, ...headers } });
  };

  it('answers server/discover', async () => {
    const response = await modern({ method: 'server/discover' });
    expect(response.status).toBe(200);
    expect((await messageOf(response)).result).toMatchObject({ supportedVersions: ['2026-07-28'] });
  });

  it('refuses a request without Mcp-Method with 400 and -32020', async () => {
    const response = await modern({ method: 'tools/list' }, { 'Mcp-Method': '' });
    expect(response.status).toBe(400);
    expect((await messageOf(response)).error?.code).toBe(-32020);
  });

  it('refuses an Mcp-Name that differs from the body with 400 and -32020', async () => {
    const response = await modern({ method: 'tools/call', params: { name: 'echo', arguments: { message: 'a' } } }, { 'Mcp-Name': 'whoami' });
    expect(response.status).toBe(400);
    expect((await messageOf(response)).error?.code).toBe(-32020);
  });

  it('answers an unknown method with 404 and -32601', async () => {
    const response = await modern({ method: 'no/such' });
    expect(response.status).toBe(404);
    expect((await messageOf(response)).error?.code).toBe(-32601);
  });

  it('answers a version that does not exist with 400 and -32022', async () => {
    const response = await modern({ method: 'tools/list' }, {}, '2099-01-01');
    expect(response.status).toBe(400);
    expect((await messageOf(response)).error?.code).toBe(-32022);
  });
});

it('notes of one user are not seen by another', async () => {
  const call = async (sub: string, name: string, args: object) =>
    messageOf(await room.post(callTool(name, args), await room.issuer.token({ ...both, sub })));
  await call('bob', 'note_write', { name: 'plan', text: 'secret of bob' });
  expect(await call('bob', 'note_read', { name: 'plan' })).toMatchObject({ result: { content: [{ text: 'secret of bob' }] } });
  expect(await call('carol', 'note_read', { name: 'plan' })).toMatchObject({ result: { isError: true, content: [{ text: expect.stringMatching(/notes: \[\]$/) as string }] } });
});
