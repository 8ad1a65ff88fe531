import { afterEach, describe, expect, it } from 'vitest';
import { createAuthorization, targetsOf, type ScopeSettings } from '../../server/authorization.ts';
import { parseMessages } from '../../server/json-rpc.ts';
import type { ServerSettings } from '../../server/settings.ts';
import type { Era } from '../support/backend-answers.ts';
import { GatewayRoom, type Sent } from '../support/gateway-room.ts';
import { callTool, METADATA_URL } from '../support/server-room.ts';

let room: GatewayRoom | undefined;
afterEach(async () => {
  await room?.close();
  room = undefined;
});
const challengeOf = (response: Response) => response.headers.get('WWW-Authenticate');
const challenge = (scope: string) => `Bearer error="insufficient_scope", error_description="The operation needs more scopes", resource_metadata="${METADATA_URL}", scope="${scope}"`;
const open = async (era: Era, change: (server: ServerSettings) => void) => (room = await GatewayRoom.open(era, { change }));

describe('the scopes of an operation', () => {
  const maps: ScopeSettings = {
    scopes: ['base', 'write', 'admin'],
    tools: { note_write: 'write', 'admin_*': 'admin', 'admin_status_*': 'write', admin_help: 'base' },
    resources: { 'file:///secret/*': 'admin', 'file:///plain/secret': 'admin', 'file:///public/a': 'write' },
    prompts: { deploy: 'admin' },
    implies: {},
  };
  const needed = (method: string, params: unknown, settings = maps) => createAuthorization(settings).needed(parseMessages(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })).messages.flatMap(targetsOf));

  it.each([
    ['echo', ['base']],
    ['note_write', ['base', 'write']],
    ['note_writer', ['base']],
    ['admin_drop', ['base', 'admin']],
    ['admin_status_all', ['base', 'write']],
    ['admin_help', ['base']],
    ['admin_', ['base', 'admin']],
    ['constructor', ['base']],
    ['__proto__', ['base']],
  ])('of the tool %s are %j: the name itself goes before the longest pattern', (name, scopes) => {
    expect(needed('tools/call', { name })).toEqual(scopes);
  });

  it('of all others are those of the pattern *, also where there is no name', () => {
    const settings = { ...maps, tools: { echo: 'base', '*': 'admin' }, resources: { '*': 'write' }, prompts: { '*': 'write' } };
    expect(needed('tools/call', { name: 'echo' }, settings)).toEqual(['base']);
    for (const params of [{ name: 'other' }, { name: '' }, {}, undefined]) expect(needed('tools/call', params, settings)).toEqual(['base', 'admin']);
    expect(needed('resources/read', {}, settings)).toEqual(['base', 'write']);
    expect(needed('prompts/get', { name: 'a' }, settings)).toEqual(['base', 'write']);
    expect(needed('completion/complete', {}, settings)).toEqual(['base', 'write']);
  });

  it.each<[string, object]>([
    ...[null, ['note_write'], { toString: 'note_write' }, 1].map((name): [string, object] => ['tools/call', { name }]),
    ['prompts/get', { name: ['deploy'] }],
    ...['read', 'subscribe', 'unsubscribe'].map((verb): [string, object] => [`resources/${verb}`, { uri: ['file:///secret/a'] }]),
    ...[{ 0: 'file:///secret/a' }, [['file:///secret/a']]].map((resourceSubscriptions): [string, object] => ['subscriptions/listen', { notifications: { resourceSubscriptions } }]),
    ['completion/complete', { ref: { type: 'ref/prompt', name: ['deploy'] } }],
    ['completion/complete', { ref: { type: 'ref/resource', uri: ['file:///secret/a'] } }],
  ])('of %s with %j are none: what names nothing here may name something to a backend', (method, params) => {
    expect(() => needed(method, params)).toThrow(expect.objectContaining({ status: 400, code: -32602, id: 1 }) as Error);
  });

  it.each(['initialize', 'ping', 'tools/list', 'server/discover', 'logging/setLevel', 'no/such'])('of %s are the base scope', (method) => {
    expect(needed(method, { name: 'note_write', uri: 'file:///secret/a' })).toEqual(['base']);
  });

  it.each([
    'file:///secret/a',
    'file:///public/../secret/a',
    'file:///public/./../secret/a',
    'file:///public/%2e%2e/secret/a',
    'file:///public/..%2fsecret/a',
    'file:///%73ecret/a',
    'file:///%73%65%63%72%65%74/a',
    'FILE:///secret/a',
    'file://localhost/secret/a',
    'file:/secret/a',
    'file:////secret/a',
    'file:///.//secret//a',
    'file:\\\\\\secret\\a',
    'file:///public\\..\\secret\\a',
    'file:///sec\nret/a',
    ' file:///secret/a',
    'file:///secret/a?b#c',
    'file:///plain/secret?b',
    'file:///plain/secret#c',
    'file://other/secret/x',
    'FILE://127.0.0.1/secret/x',
    'file://[::1]/%73ecret/x',
    'file://x@/secret/x',
    'file://secret/x',
    ' file:\\\\other\\sec\nret\\x',
    'file:///public/x?/../../secret/x',
    'file:///public/x#/../../secret/x',
    'file://other?/../secret/x',
    'file:public?/../secret/x',
    'file:///public/x%3f/../../secret/x?\u2028',
    'file:///public?\\..\\secret\\x',
    'file:///public/x?/../../plain/secret#c',
    'file:///c:/../secret/x',
    'file:///C|/../secret/x',
  ])('of the resource %j are those of what a backend may read there', (uri) => {
    for (const method of ['resources/read', 'resources/subscribe', 'resources/unsubscribe']) expect(needed(method, { uri })).toEqual(['base', 'admin']);
  });

  it.each(['file:///public/b', 'file:///secrets', 'note://a/secret/', 'note://secret/a', 'urn:secret:a', 'not a uri', 'größe://ü'])('of the resource %j are the base scope', (uri) => {
    expect(needed('resources/read', { uri })).toEqual(['base']);
  });

  it.each(['note://host', 'note://host/a', 'note://host/a?b=c/d'])('of the resource %j are no more than it was given: only the host of a file means nothing', (uri) => {
    expect(needed('resources/read', { uri }, { ...maps, resources: { '*': 'admin', [uri]: 'write', 'note://host/*': 'write' } })).toEqual(['base', 'write']);
  });

  it('are not looked for in names without end', () => {
    const name = 'a'.repeat(8 * 1024);
    const subscribed = (count: number, uri = 'a:b') => ({ notifications: { resourceSubscriptions: Array.from({ length: count }, () => uri) } });
    expect(needed('tools/call', { name })).toEqual(['base']);
    for (const params of [subscribed(1_000), subscribed(31, name)]) expect(needed('subscriptions/listen', params)).toEqual(['base']);
    for (const [method, params] of [['tools/call', { name: `${name}a` }], ['prompts/get', { name: `${name}a` }], ['resources/read', { uri: `${name}a` }], ['subscriptions/listen', subscribed(1_001)], ['subscriptions/listen', subscribed(32, name)]] as const)
      expect(() => needed(method, params)).toThrow(expect.objectContaining({ status: 400, code: -32602, id: 1 }) as Error);
  });

  it('of a subscription are those of all its resources', () => {
    expect(needed('subscriptions/listen', { notifications: { resourceSubscriptions: ['file:///public/a', 'file:///x/../secret/a'] } })).toEqual(['base', 'write', 'admin']);
    expect(needed('subscriptions/listen', { notifications: { toolsListChanged: true } })).toEqual(['base']);
  });

  it('of a completion are those of the prompt or resource', () => {
    const complete = (ref: object) => needed('completion/complete', { ref, argument: { name: 'a', value: '' } });
    expect(complete({ type: 'ref/prompt', name: 'deploy' })).toEqual(['base', 'admin']);
    expect(complete({ type: 'ref/resource', uri: 'file:///secret/{name}' })).toEqual(['base', 'admin']);
    expect(complete({ type: 'ref/prompt', name: 'hello' })).toEqual(['base']);
  });

  it('are covered by scopes that imply them, also through others, and in circles', () => {
    const { covers } = createAuthorization({ ...maps, implies: { admin: ['write'], write: ['base'], odd: ['odd', 'even'], even: ['odd'] } });
    expect(covers(['admin'], ['base', 'write', 'admin'])).toBe(true);
    expect(covers(['write'], ['base', 'write'])).toBe(true);
    expect(covers(['write'], ['admin'])).toBe(false);
    expect(covers(['base'], ['base', 'write'])).toBe(false);
    expect(covers(['odd'], ['even'])).toBe(true);
    expect(covers([], ['base'])).toBe(false);
  });
});

describe.each<Era>(['modern', 'stateless', 'stateful'])('before a %s backend', (era) => {
  const reader: Sent = { claims: { scope: 'mcp:read' } };
  const guarded = (server: ServerSettings) => {
    server.tools = { secret: 'mcp:write' };
    server.resources = { 'test://host/secret/*': 'mcp:write' };
    server.prompts = { deploy: 'mcp:write' };
  };

  it('answers 403 that names every scope the operation needs, and the backend hears nothing', async () => {
    await open(era, guarded);
    const legacy = (method: string, params: object) => room!.post({ jsonrpc: '2.0', id: 1, method, params }, reader);
    const operations: [string, Record<string, unknown>][] = [['tools/call', { name: 'secret' }], ['resources/read', { uri: 'test://host/a/../secret/b' }], ['prompts/get', { name: 'deploy' }], ['completion/complete', { ref: { type: 'ref/prompt', name: 'deploy' } }]];
    for (const [method, params] of operations)
      for (const response of [await legacy(method, params), await room!.modern(method, params, reader)]) {
        expect([method, response.status]).toEqual([method, 403]);
        expect(challengeOf(response)).toBe(challenge('mcp:read mcp:write'));
        expect(await response.json()).toMatchObject({ error: 'insufficient_scope' });
      }
    expect(room!.backend.requests).toEqual([]);
    expect(room!.room.lines().at(-1)).toMatchObject({ status: 403, refused: 'insufficient-scope', subject: 'f6a3c1d2-alice' });
  });

  it('lets through who has the scope, or one that implies it', async () => {
    await open(era, (server) => {
      guarded(server);
      server.implies = { 'mcp:write': ['mcp:read'] };
    });
    for (const scope of ['mcp:read mcp:write', 'mcp:write']) expect((await room!.modern('tools/call', { name: 'secret' }, { claims: { scope } })).status).toBe(200);
    expect((await room!.post(callTool('secret'), { claims: { scope: 'mcp:write' } })).status).toBe(200);
  });

  it('answers 403 to a token without the base scope, whatever it asks for', async () => {
    await open(era, guarded);
    for (const scope of ['openid', 'mcp:write', '', undefined]) {
      const response = await room!.post(callTool('echo'), { claims: { scope } });
      expect([response.status, challengeOf(response)]).toEqual([403, challenge('mcp:read')]);
    }
    for (const method of ['GET', 'DELETE']) expect((await fetch(room!.room.url(), { method, headers: { Authorization: `Bearer ${await room!.token({ scope: 'openid' })}` } })).status).toBe(403);
    expect(room!.backend.requests).toEqual([]);
  });

  it('checks every item of a batch, and forwards none of it where one may not be', async () => {
    await open(era, guarded);
    for (const batch of [[callTool('echo'), callTool('secret', {}, 2)], [{ jsonrpc: '2.0', method: 'notifications/progress', params: {} }, callTool('secret', {}, 2), callTool('echo', {}, 3)]]) {
      const response = await room!.post(batch, { ...reader, headers: { 'MCP-Protocol-Version': '2025-03-26' } });
      expect([response.status, challengeOf(response)]).toEqual([403, challenge('mcp:read mcp:write')]);
    }
    expect(room!.backend.requests).toEqual([]);
  });

  it('reads the body and never the Mcp-Name header', async () => {
    await open(era, guarded);
    expect((await room!.modern('tools/call', { name: 'secret' }, { ...reader, headers: { 'Mcp-Name': 'echo' } })).status).toBe(403);
    expect((await room!.modern('tools/call', { name: 'secret' }, { headers: { 'Mcp-Name': 'echo' } })).status).toBe(400);
    expect((await room!.modern('tools/call', { name: 'echo' }, { ...reader, headers: { 'Mcp-Name': 'echo, secret' } })).status).toBe(400);
    expect((await room!.post(callTool('secret'), { ...reader, headers: { 'Mcp-Name': 'echo', 'Mcp-Method': 'tools/list' } })).status).toBe(403);
    expect(room!.backend.calls()).toEqual([]);
  });

  it('refuses a notification whose method, which becomes a header, would end that header', async () => {
    await open(era, guarded);
    for (const method of ['notifications/x\r\nDrawbridge-Subject: root', 'notifications/\u0000', 'notifications/größe', ''])
      expect([method, (await room!.post({ jsonrpc: '2.0', method }, { headers: { 'MCP-Protocol-Version': '2026-07-28' } })).status]).toEqual([method, 400]);
    expect(room!.backend.requests).toEqual([]);
  });

  it('forwards what was authorized and nothing else: a key that stands twice, or in another spelling, means one thing or none', async () => {
    await open(era, guarded);
    const call = (params: string) => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
    const twice = ['{"name":"secret","name":"echo"}', '{"\\u006eame":"secret","name":"echo"}', '{"name":"secret","n\\u0061me":"echo"}'];
    for (const params of twice) {
      const response = await room!.post(call(params), reader);
      expect([params, response.status]).toEqual([params, 200]);
      const { body } = room!.backend.calls().at(-1)!;
      expect(JSON.parse(body)).toMatchObject({ params: { name: 'echo' } });
      expect(body).not.toContain('"secret"');
    }
    const before = room!.backend.requests.length;
    const refused = [
      call('{"name":"echo","Name":"secret"}'),
      call('{"name":"echo","NAME":"secret"}'),
      call('{"__proto__":{"name":"secret"}}'),
      call('{"__proto__":{"name":"secret"},"name":"echo"}'),
      call('{"name":["secret"]}'),
      '{"jsonrpc":"2.0","id":1,"method":"tools/list","__proto__":{"method":"tools/call","params":{"name":"secret"}}}',
      call('{"name":"echo","na\\u006dE":"secret"}'),
      call('{"name":"echo","argument\u017f":{}}'),
      call('{"name":"echo","argument\\u017f":{}}'),
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","param\u017f":{"name":"secret"},"params":{"name":"echo"}}`,
      '{"jsonrpc":"2.0","id":1,"method":"tools/list","Method":"tools/call","params":{"name":"secret"}}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","Params":{"name":"secret"},"params":{"name":"echo"}}',
      '{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"test://a","URI":"test://host/secret/a"}}',
      '{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"a","Name":"deploy"}}}',
      '{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/resource","uri":"test://a","Type":"ref/prompt","name":"deploy"}}}',
      '{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"ResourceSubscriptions":["test://host/secret/a"]}}}',
      '{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"Notifications":{"resourceSubscriptions":["test://host/secret/a"]}}}',
    ];
    for (const body of refused) expect([body, (await room!.post(body, reader)).status]).toEqual([body, 400]);
    expect((await room!.post(call('{"name":"echo","name":"secret"}'), reader)).status).toBe(403);
    expect(room!.backend.requests.length).toBe(before);
  });

  it('forwards numbers as they were written, also those that JavaScript has not', async () => {
    await open(era, guarded);
    const args = '{"big":12345678901234567890,"negative":-9007199254740993,"exact":0.12345678901234567890123,"huge":1e400,"small":1,"text":"12345678901234567890"}';
    const response = await room!.post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":${args}}}`);
    expect(response.status).toBe(200);
    expect(room!.backend.calls().at(-1)!.body).toContain(`"arguments":${args}`);
  });

  it('refuses what is a number where an object or an id has to be, however large', async () => {
    await open(era, guarded);
    for (const body of ['{"jsonrpc":"2.0","id":1,"method":"tools/list","params":12345678901234567890}', '{"jsonrpc":"2.0","id":12345678901234567890,"method":"tools/list"}', '{"jsonrpc":"2.0","id":1.5,"method":"tools/list"}', '12345678901234567890', '[12345678901234567890]'])
      expect([body, (await room!.post(body)).status]).toEqual([body, 400]);
    expect(room!.backend.requests).toEqual([]);
  });

  it.each(['12345678901234567890', '1.5', '{}', 'null', '[1]'])('takes the cancellation of %s for nothing: no call has such an id', async (id) => {
    await open(era, guarded);
    expect((await room!.post(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}`)).status).toBe(202);
  });

  it('answers nesting without end with an error, and goes on', async () => {
    await open(era, guarded);
    const deep = 100_000;
    const response = await room!.post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"a":${'['.repeat(deep)}${']'.repeat(deep)}}}}`);
    expect(response.status).toBe(400);
    expect((await room!.post(callTool('echo'))).status).toBe(200);
  });
});
