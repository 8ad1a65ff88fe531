import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterEach, describe, expect, it } from 'vitest';
import type { Era } from '../support/backend-answers.ts';
import { type Behaviour, RecordingBackend } from '../support/recording-backend.ts';

// The double that other tests believe: it has to be what real clients take for a server.
let backend: RecordingBackend;
afterEach(() => backend.stop());

const open = async (era: Era, sse = false) => (backend = await new RecordingBackend(era, { sse }).start());
const said = (text: unknown) => ({ content: [{ type: 'text', text: JSON.stringify(text) }] });
const elicited = {
  kind: 'ask',
  method: 'elicitation/create',
  params: { mode: 'form', message: 'Who?', requestedSchema: { type: 'object', properties: { name: { type: 'string' } } } },
} as const;

describe.each([true, false])('with an event stream for each answer: %s', (sse) => {
  it('a modern backend serves the v2 client, asks through input_required, and knows no initialize', async () => {
    await open('modern', sse);
    const client = new Client({ name: 'v2', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } }, capabilities: { elicitation: {} } });
    client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { name: 'alice' } }));
    await client.connect(new StreamableHTTPClientTransport(new URL(backend.url)));
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['echo', 'secret']);
    expect(await client.callTool({ name: 'echo', arguments: { a: 1 } })).toMatchObject(said({ tool: 'echo', arguments: { a: 1 } }));
    backend.onCall(elicited);
    expect(await client.callTool({ name: 'echo' })).toMatchObject(said({ action: 'accept', content: { name: 'alice' } }));
    await client.close();
    const old = new ClientV1({ name: 'v1', version: '1' });
    await expect(old.connect(new TransportV1(new URL(backend.url)))).rejects.toThrow('2026-07-28');
  });

  it.each<Era>(['stateless', 'stateful'])('a %s backend serves the v1 client, and a v2 client that falls back', async (era) => {
    await open(era, sse);
    const v1 = new ClientV1({ name: 'v1', version: '1' });
    await v1.connect(new TransportV1(new URL(backend.url)));
    const v2 = new Client({ name: 'v2', version: '1' }, { versionNegotiation: { mode: 'auto' } });
    await v2.connect(new StreamableHTTPClientTransport(new URL(backend.url)));
    for (const client of [v1, v2])
      expect(await client.callTool({ name: 'echo', arguments: { a: 1 } })).toMatchObject(said({ tool: 'echo', arguments: { a: 1 } }));
    expect(backend.sessions.size).toBe(era === 'stateful' ? 2 : 0);
    await v1.close();
    await v2.close();
  });
});

it('a stateful backend asks the client on the stream of its call, pushes on GET, and forgets a session that is deleted', async () => {
  await open('stateful');
  const client = new ClientV1({ name: 'v1', version: '1' }, { capabilities: { elicitation: {} } });
  const { ElicitRequestSchema, ToolListChangedNotificationSchema } = await import('@modelcontextprotocol/sdk/types.js');
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'decline' }));
  const changed = new Promise((resolve) => client.setNotificationHandler(ToolListChangedNotificationSchema, resolve));
  const transport = new TransportV1(new URL(backend.url));
  await client.connect(transport);
  backend.onCall(elicited);
  expect(await client.callTool({ name: 'echo' })).toMatchObject(said({ action: 'decline' }));
  await expect.poll(() => backend.requests.some(({ method }) => method === 'GET')).toBe(true);
  backend.push({ method: 'notifications/tools/list_changed' }, transport.sessionId);
  await changed;
  await transport.terminateSession();
  expect(backend.sessions.size).toBe(0);
  await client.close();
});

/** A call of 2025-06-18 without an SDK. */
const call = (id: number, init: RequestInit = {}) =>
  fetch(backend.url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...init.headers },
    body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'echo' } }),
    signal: init.signal,
  });

it('records what arrives as it was on the wire, and who hung up', async () => {
  await open('stateless');
  backend.onCall({ kind: 'hang' });
  await expect(call(1, { headers: { 'X-Spelt-LIKE-this': 'a' }, signal: AbortSignal.timeout(100) })).rejects.toThrow();
  await expect.poll(() => backend.calls('echo')[0]?.hungUp).toBe(true);
  expect(backend.requests[0]).toMatchObject({ method: 'POST', url: '/mcp', body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}' });
  expect(backend.requests[0]?.rawHeaders).toContain('X-Spelt-LIKE-this');
});

it('counts an id that is used twice at once in a session', async () => {
  await open('stateful');
  backend.sessions.add('s');
  backend.onCall({ kind: 'delay', milliseconds: 100 });
  const both = await Promise.all([call(1, { headers: { 'Mcp-Session-Id': 's' } }), call(1, { headers: { 'Mcp-Session-Id': 's' } })]);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 400]);
  expect(backend.collisions).toBe(1);
});

it.each<[Behaviour, string | RegExp]>([
  [{ kind: 'answer', result: { content: [] } }, '{"jsonrpc":"2.0","id":7,"result":{"content":[]}}'],
  [{ kind: 'large', bytes: 300_000 }, /x{300000}/],
  [{ kind: 'stream', events: 3 }, /(progress".*\n\n.*){3}"id":7,"result"/s],
  [{ kind: 'stream', events: Infinity, everyMilliseconds: 1 }, 'TimeoutError'],
  [{ kind: 'status', status: 401, headers: { 'WWW-Authenticate': 'Bearer' } }, '401 Bearer'],
  [{ kind: 'hang' }, 'TimeoutError'],
  [{ kind: 'reset' }, 'TypeError'],
  [{ kind: 'reset', midStream: true }, 'TypeError'],
])('as told, it behaves like %j', async (behaviour, expected) => {
  await open('stateless');
  backend.onCall(behaviour);
  const seen = await call(7, { signal: AbortSignal.timeout(1000) })
    .then(async (response) => (response.ok ? await response.text() : `${response.status} ${response.headers.get('www-authenticate')}`))
    .catch((error: Error) => error.name);
  if (typeof expected === 'string') expect(seen).toBe(expected);
  else expect(seen).toMatch(expected);
});
