import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, describe, expect, it } from 'vitest';
import type { Era } from '../support/backend-answers.ts';
import { GatewayRoom, messagesOf, MODERN } from '../support/gateway-room.ts';
import type { Behaviour } from '../support/recording-backend.ts';
import { callTool, initialize, messageOf } from '../support/server-room.ts';

let room: GatewayRoom;
afterEach(() => room.close());
const open = async (era: Era, sse = false) => (room = await GatewayRoom.open(era, { sse }));
const said = (text: unknown) => ({ content: [{ type: 'text', text: JSON.stringify(text) }] });

type AnyClient = Client | ClientV1;
const options = async () => ({ requestInit: { headers: { Authorization: `Bearer ${await room.token()}` } } });

async function v1(capabilities: ConstructorParameters<typeof ClientV1>[1] = {}): Promise<ClientV1> {
  const client = new ClientV1({ name: 'v1', version: '1' }, capabilities);
  await client.connect(new TransportV1(room.room.url(), await options()));
  return client;
}

async function v2(mode: 'auto' | { pin: string }): Promise<Client> {
  const client = new Client({ name: 'v2', version: '1' }, { versionNegotiation: { mode } });
  await client.connect(new StreamableHTTPClientTransport(room.room.url(), await options()));
  return client;
}

const clients: Record<string, () => Promise<AnyClient>> = { 'an SDK v1 client': v1, 'an SDK v2 client of 2026-07-28': () => v2({ pin: MODERN }), 'an SDK v2 client in auto mode': () => v2('auto') };
const eras: Era[] = ['modern', 'stateless', 'stateful'];

describe.each(eras)('before a %s backend', (era) => {
  describe.each(Object.keys(clients))('%s', (client) => {
    it.each([false, true])('lists and uses tools, resources and prompts (every answer a stream: %s)', async (sse) => {
      await open(era, sse);
      const mcp = (await clients[client]!()) as Client;
      expect(mcp.getServerCapabilities()).toMatchObject({ tools: {}, resources: {}, prompts: {} });
      expect(mcp.getServerVersion()).toMatchObject({ name: 'recording-backend' });
      expect((await mcp.listTools()).tools.map(({ name }) => name)).toEqual(['echo', 'secret']);
      expect(await mcp.callTool({ name: 'echo', arguments: { a: 1 } })).toMatchObject(said({ tool: 'echo', arguments: { a: 1 } }));
      expect((await mcp.listResources()).resources).toMatchObject([{ uri: 'test://a' }]);
      expect((await mcp.readResource({ uri: 'test://a' })).contents).toMatchObject([{ uri: 'test://a', text: 'text' }]);
      expect((await mcp.listPrompts()).prompts).toMatchObject([{ name: 'hello' }]);
      expect((await mcp.getPrompt({ name: 'hello' })).messages).toMatchObject([{ content: { text: 'hello' } }]);
      await mcp.close();
    });

    it('sees progress as it happens, under its own token', async () => {
      await open(era);
      room.backend.onCall({ kind: 'stream', events: 3 });
      const mcp = await clients[client]!();
      const seen: number[] = [];
      const call = { name: 'echo', arguments: {} };
      const onprogress = ({ progress }: { progress: number }) => void seen.push(progress);
      await (mcp instanceof ClientV1 ? mcp.callTool(call, undefined, { onprogress }) : mcp.callTool(call, { onprogress }));
      expect(seen).toEqual([1, 2, 3]);
      await mcp.close();
    });
  });

  it('answers the unknown method of a client of 2026-07-28 with 404 and -32601', async () => {
    await open(era);
    for (const method of ['no/such', 'ping', 'initialize', 'logging/setLevel', 'resources/subscribe', 'tools/no', 'server/no']) {
      const response = await room.modern(method);
      expect([method, response.status]).toEqual([method, 404]);
      expect(await messageOf(response)).toMatchObject({ id: 1, error: { code: -32601 } });
    }
  });

  it('refuses headers of 2026-07-28 that are missing or contradict the body with 400 and -32020', async () => {
    await open(era);
    for (const headers of [{ 'Mcp-Method': '' }, { 'Mcp-Method': 'tools/list' }, { 'Mcp-Name': 'secret' }, { 'Mcp-Name': '' }, { 'Mcp-Name': '=?base64?c2VjcmV0?=' }, { 'MCP-Protocol-Version': '2025-06-18' }] as Record<string, string>[]) {
      const response = await room.modern('tools/call', { name: 'echo' }, { headers });
      expect([headers, response.status]).toEqual([headers, 400]);
      expect(await messageOf(response)).toMatchObject({ id: 1, error: { code: -32020 } });
    }
    expect(room.backend.calls()).toEqual([]);
  });

  it('takes an Mcp-Name in Base64, as names that are no ASCII need it', async () => {
    await open(era);
    const name = 'größe 尺寸';
    const response = await room.modern('tools/call', { name }, { headers: { 'Mcp-Name': `=?base64?${Buffer.from(name).toString('base64')}?=` } });
    expect(await messagesOf(response)).toMatchObject([{ id: 1, result: said({ tool: name }) }]);
  });

  it('refuses an unknown version with 400 and -32022, in requests and notifications', async () => {
    await open(era);
    const headers = { 'MCP-Protocol-Version': '2099-01-01' };
    const request = await room.modern('tools/list', { _meta: { 'io.modelcontextprotocol/protocolVersion': '2099-01-01' } }, { headers });
    expect(request.status).toBe(400);
    expect(await messageOf(request)).toMatchObject({ id: 1, error: { code: -32022, data: { supported: expect.arrayContaining([MODERN]) as string[], requested: '2099-01-01' } } });
    expect((await room.post({ jsonrpc: '2.0', method: 'notifications/initialized' }, { headers })).status).toBe(400);
    expect((await room.post(callTool('echo'), { headers })).status).toBe(400);
  });

  it('refuses a request of 2026-07-28 without what its _meta must hold with 400 and -32602', async () => {
    await open(era);
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta: {} } };
    const headers = { 'MCP-Protocol-Version': MODERN, 'Mcp-Method': 'tools/list' };
    for (const _meta of [{}, { 'io.modelcontextprotocol/protocolVersion': MODERN }]) {
      const response = await room.post({ ...body, params: { _meta } }, { headers });
      expect(response.status).toBe(400);
      expect(await messageOf(response)).toMatchObject({ id: 1, error: { code: -32602 } });
    }
  });

  it('has no GET and no DELETE for clients of 2026-07-28', async () => {
    await open(era);
    const headers = { Authorization: `Bearer ${await room.token()}`, 'MCP-Protocol-Version': MODERN, Accept: 'text/event-stream' };
    for (const method of ['GET', 'DELETE']) expect((await fetch(room.room.url(), { method, headers })).status).toBe(405);
  });

  it('answers the ping of an earlier client', async () => {
    await open(era);
    await v1().then(async (client) => {
      await client.ping();
      await client.close();
    });
  });

  it('does not begin anything inside a batch', async () => {
    await open(era);
    const response = await room.post([initialize('2025-03-26')]);
    expect(response.status).toBe(400);
    expect(room.backend.requests.filter(({ message }) => message?.method === 'initialize' && message.id !== 'initialize')).toEqual([]);
  });
});

describe('an earlier client before a backend of 2026-07-28', () => {
  it('gets what it cannot have as the errors that it knows: -32601 with status 200', async () => {
    await open('modern');
    for (const method of ['logging/setLevel', 'resources/subscribe', 'no/such', 'odd\r\nX-Injected: 1', 'größe', ' ']) {
      const response = await room.post({ jsonrpc: '2.0', id: 7, method, params: {} });
      expect([method, response.status]).toEqual([method, 200]);
      expect(await messageOf(response)).toMatchObject({ id: 7, error: { code: -32601 } });
    }
    expect(room.backend.requests.every(({ headers }) => headers['x-injected'] === undefined)).toBe(true);
  });

  it('has no stream to open (405), and no batches (400)', async () => {
    await open('modern');
    const get = await fetch(room.room.url(), { headers: { Authorization: `Bearer ${await room.token()}`, Accept: 'text/event-stream' } });
    expect([get.status, get.headers.get('Allow')]).toEqual([405, expect.stringContaining('POST')]);
    expect((await room.post([callTool('echo')], { headers: { 'MCP-Protocol-Version': '2025-03-26' } })).status).toBe(400);
    expect(room.backend.calls()).toEqual([]);
  });

  it('keeps its id whatever the backend says in an error', async () => {
    await open('modern');
    for (const body of ['{"jsonrpc":"2.0","id":null,"error":{"code":-32602,"message":"no"}}', '{"jsonrpc":"2.0","error":{"code":-32602,"message":"no","data":{"a":1}}}']) {
      room.backend.onCall({ kind: 'status', status: 400, headers: { 'Content-Type': 'application/json' }, body });
      const response = await room.post(callTool('echo', {}, 'mine'));
      expect(response.status).toBe(200);
      expect(await messageOf(response)).toMatchObject({ id: 'mine', error: { code: -32602, message: 'no' } });
    }
    room.backend.onCall({ kind: 'status', status: 500, headers: { 'Content-Type': 'application/json' }, body: '{"message":"a framework said this"}' });
    const response = await room.post(callTool('echo', {}, 'mine'));
    expect(response.status).toBe(502);
    expect(await messageOf(response)).toMatchObject({ id: 'mine', error: { code: -32603 } });
  });

  it('is promised nothing in its name: neither sampling nor elicitation', async () => {
    await open('modern');
    await room.post(callTool('echo'));
    const { _meta } = room.backend.calls()[0]!.message!.params!;
    expect(_meta).toMatchObject({ 'io.modelcontextprotocol/protocolVersion': MODERN, 'io.modelcontextprotocol/clientCapabilities': {}, 'io.modelcontextprotocol/clientInfo': { name: 'drawbridge' } });
    expect(room.backend.calls()[0]!.headers).toMatchObject({ 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': 'echo' });
  });

  it('cancels with notifications/cancelled: the call ends at the backend, which hears of it by the closed connection', async () => {
    await open('modern');
    room.backend.onCall({ kind: 'stream', events: Infinity });
    const answer = room.post(callTool('echo', {}, 5));
    await expect.poll(() => room.backend.calls().length).toBe(1);
    expect((await room.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 5 } })).status).toBe(202);
    await expect.poll(() => room.backend.calls()[0]!.hungUp).toBe(true);
    expect((await messagesOf(await answer)).at(-1)).toMatchObject({ id: 5, error: {} });
  });
});

describe('a client of 2026-07-28 before an earlier backend', () => {
  it.each<Era>(['stateless', 'stateful'])('discovers what a %s backend has, and nothing that needs a way back', async (era) => {
    await open(era);
    const [{ result }] = (await messagesOf(await room.modern('server/discover'))) as [{ result: Record<string, unknown> }];
    expect(result).toMatchObject({ resultType: 'complete', supportedVersions: [MODERN], _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'recording-backend' } } });
    expect(result.capabilities).toEqual({ tools: {}, resources: {}, prompts: {} });
  });

  it.each<Era>(['stateless', 'stateful'])('gets a subscription at a %s backend acknowledged for nothing, and kept open', async (era) => {
    await open(era);
    const hangUp = new AbortController();
    const response = await room.modern('subscriptions/listen', { notifications: { toolsListChanged: true, resourceSubscriptions: ['test://a'] } }, { signal: hangUp.signal });
    expect([response.status, response.headers.get('Content-Type')]).toEqual([200, 'text/event-stream']);
    const { value } = await response.body!.getReader().read();
    expect(JSON.parse(Buffer.from(value!).toString().split('data: ')[1]!)).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { _meta: { 'io.modelcontextprotocol/subscriptionId': 1 }, notifications: {} },
    });
    hangUp.abort();
    expect(room.backend.requests.some(({ message }) => message?.method === 'subscriptions/listen')).toBe(false);
  });

  it.each([false, true])('gets results with the members of 2026-07-28 (a stream: %s)', async (sse) => {
    await open('stateful', sse);
    const resultOf = async (method: string, params = {}) => (await messagesOf(await room.modern(method, params))).at(-1)!.result;
    room.backend.behave = ({ message }) => (message?.method === 'tools/list' ? { kind: 'answer', result: { tools: [] } } : undefined);
    expect(await resultOf('tools/list')).toEqual({ resultType: 'complete', ttlMs: 0, cacheScope: 'private', tools: [] });
    expect(await resultOf('tools/call', { name: 'echo' })).toEqual({ resultType: 'complete', ...said({ tool: 'echo' }) });
  });

  it.each(['sampling/createMessage', 'elicitation/create', 'roots/list'])('is not asked %s: the backend is refused at once, and the call goes on', async (method) => {
    await open('stateful');
    room.backend.onCall({ kind: 'ask', method, params: {} });
    const messages = await messagesOf(await room.modern('tools/call', { name: 'echo' }, { signal: AbortSignal.timeout(5_000) }));
    expect(messages).toMatchObject([{ id: 1, result: { resultType: 'complete' } }]);
    expect(JSON.stringify(messages)).toContain('-32601');
  });

  it('is not told log messages that it did not ask for', async () => {
    await open('stateless');
    const event = (message: object) => `data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`;
    room.backend.behave = ({ message }) => {
      if (message?.method !== 'tools/call') return undefined;
      const body = event({ method: 'notifications/message', params: { level: 'info', data: 'unasked' } }) + event({ id: message.id, result: { content: [] } });
      return { kind: 'status', status: 200, headers: { 'Content-Type': 'text/event-stream' }, body };
    };
    expect(await messagesOf(await room.modern('tools/call', { name: 'echo' }))).toMatchObject([{ id: 1, result: {} }]);
  });

  it('cancels by closing the stream: the backend is told, under the id that it knows', async () => {
    await open('stateful');
    room.backend.onCall({ kind: 'stream', events: Infinity });
    const hangUp = new AbortController();
    await room.modern('tools/call', { name: 'echo' }, { signal: hangUp.signal });
    hangUp.abort();
    const cancelled = () => room.backend.requests.find(({ message }) => message?.method === 'notifications/cancelled');
    await expect.poll(cancelled).toBeDefined();
    expect(cancelled()!.message!.params!.requestId).toBe(room.backend.calls()[0]!.message!.id);
    expect(cancelled()!.headers['mcp-session-id']).toBe(room.backend.calls()[0]!.headers['mcp-session-id']);
  });
});

describe('an earlier client before a stateful backend', () => {
  const asks: [string, Behaviour, object, unknown][] = [
    ['sampling', { kind: 'ask', method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } }, { sampling: {} }, { model: 'm', role: 'assistant', content: { type: 'text', text: 'a' } }],
    ['elicitation', { kind: 'ask', method: 'elicitation/create', params: { message: 'Who?', requestedSchema: { type: 'object', properties: {} } } }, { elicitation: {} }, { action: 'decline' }],
    ['roots', { kind: 'ask', method: 'roots/list', params: {} }, { roots: {} }, { roots: [{ uri: 'file:///a' }] }],
  ];

  it.each(asks)('is asked for %s, and what it answers arrives', async (_name, behaviour, capabilities, answer) => {
    await open('stateful');
    const client = await v1({ capabilities });
    if ('sampling' in capabilities) client.setRequestHandler(CreateMessageRequestSchema, () => answer as never);
    if ('elicitation' in capabilities) client.setRequestHandler(ElicitRequestSchema, () => answer as never);
    if ('roots' in capabilities) client.setRequestHandler(ListRootsRequestSchema, () => answer as never);
    room.backend.onCall(behaviour);
    expect(await client.callTool({ name: 'echo' })).toMatchObject(said(answer));
    expect(room.backend.requests.find(({ message }) => message?.method === 'initialize')!.message!.params).toMatchObject({ capabilities, clientInfo: { name: 'v1' } });
    await client.close();
  });

  it('hears what the backend says unasked, on its GET stream', async () => {
    await open('stateful');
    const client = await v1();
    const changed = new Promise((resolve) => client.setNotificationHandler(ToolListChangedNotificationSchema, resolve));
    await expect.poll(() => room.backend.requests.some(({ method }) => method === 'GET')).toBe(true);
    room.backend.push({ method: 'notifications/tools/list_changed' });
    await changed;
    await client.close();
  });
});

describe('a client of 2026-07-28 before a backend of 2026-07-28', () => {
  it('is asked through input_required, and its second request carries the answer', async () => {
    await open('modern');
    const client = new Client({ name: 'v2', version: '1' }, { versionNegotiation: { mode: { pin: MODERN } }, capabilities: { elicitation: {} } });
    client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { name: 'alice' } }));
    await client.connect(new StreamableHTTPClientTransport(room.room.url(), await options()));
    room.backend.onCall({ kind: 'ask', method: 'elicitation/create', params: { mode: 'form', message: 'Who?', requestedSchema: { type: 'object', properties: { name: { type: 'string' } } } } });
    expect(await client.callTool({ name: 'echo' })).toMatchObject(said({ action: 'accept', content: { name: 'alice' } }));
    await client.close();
  });

  it('hears of changes on its subscription', async () => {
    await open('modern');
    const hangUp = new AbortController();
    const response = await room.modern('subscriptions/listen', { notifications: { toolsListChanged: true } }, { signal: hangUp.signal });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toContain('notifications/subscriptions/acknowledged');
    room.backend.push({ method: 'notifications/tools/list_changed' });
    expect((await reader.read()).value).toContain('notifications/tools/list_changed');
    hangUp.abort();
    await expect.poll(() => room.backend.requests.at(-1)!.hungUp).toBe(true);
  });

  it('passes as it is: _meta, capabilities, and headers that mirror parameters', async () => {
    await open('modern');
    await room.modern('tools/call', { name: 'echo', arguments: { region: 'eu' }, _meta: { 'io.modelcontextprotocol/clientCapabilities': { sampling: {} }, traceparent: '00-1-1-01' } }, { headers: { 'Mcp-Param-Region': 'eu' } });
    const { message, headers } = room.backend.calls()[0]!;
    expect(message!.params!._meta).toMatchObject({ 'io.modelcontextprotocol/clientCapabilities': { sampling: {} }, 'io.modelcontextprotocol/clientInfo': { name: 'a-client' }, traceparent: '00-1-1-01' });
    expect(headers).toMatchObject({ 'mcp-param-region': 'eu', 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': 'echo' });
  });
});
