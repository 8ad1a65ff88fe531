import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePort } from '../support/gateway-process.ts';
import { GatewayRoom, modernMeta } from '../support/gateway-room.ts';
import { RecordingBackend } from '../support/recording-backend.ts';
import { callTool, initialize, serverEntry, serverSettings } from '../support/server-room.ts';
import { TokenIssuer } from '../support/token-issuer.ts';

describe('the metrics of a process with two workers', () => {
  let issuer: TokenIssuer;
  let backend: RecordingBackend;
  let gateway: ChildProcess;
  let log = '';
  const ports = { port: 0, healthPort: 0, metricsPort: 0 };
  beforeAll(async () => {
    issuer = await TokenIssuer.start();
    backend = await new RecordingBackend('stateful').start();
    const settings = serverSettings(issuer.jwksUrl);
    settings.servers = [serverEntry(backend.url), { ...serverEntry('http://127.0.0.1:1/mcp', '/gone'), metadataPaths: ['/.well-known/oauth-protected-resource/gone'] }];
    for (const name of ['port', 'healthPort', 'metricsPort'] as const) ports[name] = await freePort();
    gateway = spawn(process.execPath, ['server/main.ts'], { env: { DRAWBRIDGE_SERVER: JSON.stringify({ ...settings, ...ports, workers: 2 }) }, stdio: ['ignore', 'pipe', 'inherit'] });
    gateway.stdout!.on('data', (chunk: Buffer) => (log += chunk.toString()));
    await vi.waitFor(() => expect(log).toContain('listening'), { timeout: 20_000 });
  });
  afterAll(async () => {
    const exited = once(gateway, 'exit');
    gateway.kill();
    await exited;
    await Promise.all([issuer.stop(), backend.stop()]);
  });

  const scrape = async () => {
    const response = await fetch(`http://127.0.0.1:${ports.metricsPort}/metrics`);
    expect(response.headers.get('Content-Type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    return response.text();
  };
  /** The value of a series, by its name and labels as they are written. */
  const valueOf = (text: string, series: string) => Number(text.split('\n').find((line) => line.startsWith(`${series} `))?.slice(series.length));

  /** Each on a connection of its own, so that both workers get some. */
  async function post(message: unknown, { path = '/mcp', claims = {}, token, headers = {} }: { path?: string; claims?: object; token?: string; headers?: Record<string, string> } = {}): Promise<Response> {
    const authorization = `Bearer ${token ?? (await issuer.token({ aud: `https://mcp.example.org${path}`, scope: 'mcp:read mcp:write', ...claims }))}`;
    const all = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', Connection: 'close', Authorization: authorization, ...headers };
    const response = await fetch(`http://127.0.0.1:${ports.port}${path}`, { method: 'POST', headers: all, body: typeof message === 'string' ? message : JSON.stringify(message) });
    await response.text();
    return response;
  }

  it('count requests, refusals, failures and durations, of both workers together', async () => {
    await post(initialize());
    for (let calls = 0; calls < 12; calls += 1) expect((await post(callTool('echo'))).status).toBe(200);
    expect((await post(callTool('echo'), { claims: { scope: 'openid' } })).status).toBe(403);
    expect((await post(callTool('echo'), { token: 'wrong' })).status).toBe(401);
    expect((await post('{')).status).toBe(400);
    expect((await post(callTool('echo'), { path: '/gone' })).status).toBe(503);
    await expect.poll(async () => valueOf(await scrape(), 'drawbridge_request_seconds_count{server="mcp"}')).toBe(16);
    await expect.poll(async () => valueOf(await scrape(), 'drawbridge_backend_up{server="mcp"}')).toBe(1);

    const text = await scrape();
    const values = {
      'drawbridge_requests_total{server="mcp",method="initialize",status="200"}': 1,
      'drawbridge_requests_total{server="mcp",method="tools/call",status="200"}': 12,
      'drawbridge_requests_total{server="mcp",method="tools/call",status="403"}': 1,
      'drawbridge_requests_total{server="mcp",method="other",status="401"}': 1,
      'drawbridge_requests_total{server="mcp",method="other",status="400"}': 1,
      'drawbridge_requests_total{server="gone",method="tools/call",status="503"}': 1,
      'drawbridge_refused_total{server="mcp",reason="insufficient-scope"}': 1,
      'drawbridge_refused_total{server="mcp",reason="invalid-token"}': 1,
      'drawbridge_refused_total{server="mcp",reason="malformed"}': 1,
      'drawbridge_backend_failures_total{server="gone"}': 1,
      'drawbridge_request_seconds_bucket{le="+Inf",server="mcp"}': 16,
      'drawbridge_backend_up{server="mcp"}': 1,
      'drawbridge_backend_up{server="gone"}': 0,
      drawbridge_open_answers: 0,
      drawbridge_sessions: 1,
    };
    expect(Object.fromEntries(Object.keys(values).map((series) => [series, valueOf(text, series)]))).toEqual(values);
    expect(valueOf(text, 'drawbridge_resident_bytes')).toBeGreaterThan(10_000_000);
    const answered = (le: number) => valueOf(text, `drawbridge_request_seconds_bucket{le="${le}",server="mcp"}`);
    expect(answered(0.005)).toBeLessThanOrEqual(answered(0.1));
    expect(answered(300)).toBe(16);
    expect(text).not.toContain('drawbridge_backend_failures_total{server="mcp"}');
  });

  it('show what is under way', async () => {
    const hangUp = new AbortController();
    const streams = Array.from({ length: 4 }, async () => {
      const headers = { Authorization: `Bearer ${await issuer.token({ scope: 'mcp:read' })}`, Accept: 'text/event-stream', Connection: 'close' };
      return fetch(`http://127.0.0.1:${ports.port}/mcp`, { headers, signal: hangUp.signal });
    });
    for (const response of await Promise.all(streams)) expect(response.status).toBe(200);
    expect(valueOf(await scrape(), 'drawbridge_open_answers')).toBe(4);
    hangUp.abort();
    await expect.poll(async () => valueOf(await scrape(), 'drawbridge_open_answers')).toBe(0);
  });

  it('have no more series, whatever clients send, and nothing of theirs in them', async () => {
    const strange = ['a', 'tools/call\n', 'drawbridge_evil 1', '"} 1', '__proto__', 'constructor', 'notifications/cancelled', 'x'.repeat(500)];
    const attempt = async (round: number) => {
      for (const method of strange) await post({ jsonrpc: '2.0', id: 1, method: `${method}${round}` });
      await post(callTool(`tool-${round}`), { claims: { sub: `subject-${round}`, azp: `client-${round}`, preferred_username: `name-${round}` } });
      await post(callTool('echo'), { path: `/mcp/`, headers: { 'User-Agent': `agent-${round}`, 'MCP-Protocol-Version': `version-${round}`, 'Mcp-Session-Id': `session-${round}` } });
      await post(callTool('echo'), { token: `token-${round}` });
      await post(callTool('echo'), { path: `/path-${round}` });
      await post({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta: modernMeta, cursor: `cursor-${round}` } });
    };
    const series = async () => (await scrape()).split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.slice(0, line.lastIndexOf(' ')));
    await attempt(0);
    await attempt(0);
    // Every kind of answer has been counted by now.
    const before = await series();
    for (let round = 1; round < 6; round += 1) await attempt(round);
    const after = await series();
    expect(after.toSorted()).toEqual(before.toSorted());
    expect(after.join('\n')).not.toMatch(/evil|proto__|constructor|xxx|subject-|client-|name-|tool-|agent-|version-|session-|token-|path-/);
  });

  it('come with one whole line in the log for each request, though both workers write to it', async () => {
    const bodies = Array.from({ length: 200 }, (_, id) => callTool('echo', {}, id));
    const before = log.split('\n').filter((line) => line.includes('"request"')).length;
    await Promise.all(bodies.map((body) => post(body)));
    await expect.poll(() => log.split('\n').filter((line) => line.includes('"request"')).length, { timeout: 3_000 }).toBeGreaterThanOrEqual(before + bodies.length);
    await expect.poll(() => log.endsWith('\n')).toBe(true);
    for (const line of log.trimEnd().split('\n')) expect(JSON.parse(line)).toMatchObject({ level: 'info' });
  });

  it('are all that is at that port, and not at the public one', async () => {
    expect((await fetch(`http://127.0.0.1:${ports.metricsPort}/`)).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${ports.port}/metrics`)).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${ports.healthPort}/metrics`)).status).toBe(404);
  });
});

describe('the audit log', () => {
  let room: GatewayRoom;
  afterEach(() => room.close());
  const open = async () => (room = await GatewayRoom.open('stateless', { change: (server) => Object.assign(server, { tools: { secret: 'mcp:write' }, allowlist: { users: ['alice'], groups: [], domains: [], caseSensitive: false } }) }));
  const line = async (count: number) => {
    await expect.poll(() => room.room.lines().length).toBe(count);
    return room.room.lines().at(-1)!;
  };
  const who = { server: 'mcp', subject: 'f6a3c1d2-alice', username: 'alice', client: 'a-client' };
  const call = { level: 'info', msg: 'request', time: expect.any(String), method: 'POST', path: '/mcp', milliseconds: expect.any(Number), mcpMethod: 'tools/call' };

  it('says who called what with which client, how it was decided, and how long it took', async () => {
    await open();
    await (await room.post(callTool('echo', { message: 'an argument' }))).text();
    expect(await line(1)).toEqual({ ...call, ...who, status: 200, target: 'echo' });

    await (await room.post(callTool('secret'), { claims: { scope: 'mcp:read' } })).text();
    expect(await line(2)).toEqual({ ...call, ...who, status: 403, target: 'secret', refused: 'insufficient-scope' });

    const { mcpMethod: _none, ...unread } = call;
    await (await room.post(callTool('echo'), { claims: { sub: 'm', preferred_username: 'mallory', azp: 'other' } })).text();
    expect(await line(3)).toEqual({ ...unread, server: 'mcp', subject: 'm', username: 'mallory', client: 'other', status: 403, refused: 'not-allowed' });

    await (await room.room.post(callTool('echo'), await room.token({ aud: 'https://other.example/mcp' }))).text();
    expect(await line(4)).toEqual({ ...unread, server: 'mcp', status: 401, refused: 'invalid-token', reason: 'aud is "https://other.example/mcp"' });

    room.backend.onCall({ kind: 'status', status: 500, body: 'a secret of the backend' });
    await (await room.post(callTool('echo'))).text();
    expect(await line(5)).toEqual({ ...call, ...who, status: 502, target: 'echo', backend: 'answered with HTTP 500' });
  });

  it('names every call of a batch: none hides behind another', async () => {
    await open();
    const batch = [callTool('echo'), callTool('secret', {}, 2), { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 'token' } }, callTool('{"odd":"name"}', {}, 3)];
    await (await room.post(batch, { headers: { 'MCP-Protocol-Version': '2025-03-26' } })).text();
    expect(await line(1)).toMatchObject({ batch: ['tools/call echo', 'tools/call secret', 'notifications/progress', 'tools/call'] });
  });

  it('has no argument, result, token, header, query, or name that could be anything', async () => {
    await open();
    const token = await room.token();
    const marks = { argument: 'mark-argument', result: 'mark-result', query: 'mark-query', header: 'mark-header', name: 'mark name', uri: 'test://a/mark?mark-uri' };
    room.backend.onCall({ kind: 'answer', result: { content: [{ type: 'text', text: marks.result }] } });
    const headers = { Cookie: marks.header, 'X-Api-Key': marks.header, 'User-Agent': marks.header, 'Mcp-Name': marks.header };
    const send = async (message: unknown, path = '/mcp') => (await room.room.post(message, token, { headers, ...(typeof message === 'string' && { body: message }) }, path)).text();
    await send(callTool('echo', { [marks.argument]: marks.argument }), `/mcp?code=${marks.query}&state=${marks.query}`);
    await send(callTool(marks.name, {}, marks.argument));
    await send({ jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: marks.uri } });
    await send({ jsonrpc: '2.0', id: 1, method: `mark method ${'x'.repeat(100)}` });
    await send(`{"${marks.argument}`);
    await send(callTool(token));
    await send(callTool('echo'), `/nowhere?${marks.query}`);
    await send(callTool('echo'), `/mcp?access_token=${token}`);
    await line(8);
    expect(room.room.log.join('')).not.toMatch(/mark/);
    expect(room.room.log.join('')).not.toContain(token.split('.')[2]);
  });

  it('has one line for what a name may try to write', async () => {
    await open();
    const evil = 'alice"}\n{"level":"info","msg":"request","subject":"root"}';
    await (await room.post(callTool('echo'), { claims: { sub: evil, preferred_username: 'alice', azp: evil } })).text();
    expect(await line(1)).toMatchObject({ subject: evil, client: evil });
    expect(room.room.log.every((written) => written.indexOf('\n') === written.length - 1)).toBe(true);
  });

  it('has the call of a client that hung up, since it may have been done all the same', async () => {
    await open();
    room.backend.onCall({ kind: 'hang' });
    const hangUp = new AbortController();
    const hung = room.post(callTool('echo'), { signal: hangUp.signal }).catch(() => undefined);
    await expect.poll(() => room.backend.calls().length).toBe(1);
    hangUp.abort();
    await hung;
    expect(await line(1)).toMatchObject({ ...who, level: 'info', hungUp: true, status: 499, target: 'echo' });

    room.backend.onCall({ kind: 'reset' });
    await (await room.post(callTool('echo'))).text();
    expect(await line(2)).toMatchObject({ level: 'info', status: 502, target: 'echo', backend: expect.any(String) as string });
  });
});
