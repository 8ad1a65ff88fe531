import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../server/logger.ts';
import { serve } from '../../server/serve.ts';
import { callTool, initialize, messageOf, ServerRoom, serverSettings } from '../support/server-room.ts';

const MAX_BODY_BYTES = 4 * 1024 * 1024;
let room: ServerRoom;
beforeAll(async () => {
  room = await ServerRoom.open();
});
afterAll(() => room.close());

describe('protected resource metadata (RFC 9728)', () => {
  const document = {
    resource: 'https://mcp.example.org/mcp',
    authorization_servers: ['https://mcp.example.org/auth/realms/main'],
    scopes_supported: ['mcp:read', 'mcp:write'],
    bearer_methods_supported: ['header'],
    resource_name: 'mcp',
  };

  it.each(['/.well-known/oauth-protected-resource/mcp', '/.well-known/oauth-protected-resource'])('is served at %s to anyone, from any origin', async (path) => {
    const response = await fetch(room.url(path), { headers: { Origin: 'https://inspector.example.net' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe('*');
    expect(await response.json()).toEqual(document);
  });

  it('answers the preflight that MCP-Protocol-Version causes, HEAD, and nothing else', async () => {
    const ask = async (method: string) => fetch(room.url('/.well-known/oauth-protected-resource'), { method, headers: { Origin: 'https://a.example' } });
    const preflight = await ask('OPTIONS');
    expect([preflight.status, preflight.headers.get('Access-Control-Allow-Headers')]).toEqual([204, '*']);
    expect((await ask('HEAD')).status).toBe(200);
    expect((await ask('POST')).status).toBe(405);
  });
});

describe('the MCP path', () => {
  it.each(['https://evil.example', 'null', 'https://mcp.example.org.evil.example', 'not a url'])('answers the foreign Origin %s with 403 before it looks at the token', async (origin) => {
    for (const token of [undefined, await room.issuer.token()]) {
      const response = await room.post(initialize(), token, { headers: { Origin: origin } });
      expect(response.status).toBe(403);
      expect(response.headers.get('WWW-Authenticate')).toBeNull();
      expect(response.headers.get('Access-Control-Allow-Origin')).toBeNull();
    }
  });

  it('answers a foreign Host with 403 (DNS rebinding)', async () => {
    const status = await new Promise((resolve) => request(room.url(), { headers: { Host: 'evil.example' } }, (res) => resolve(res.resume().statusCode)).end());
    expect(status).toBe(403);
  });

  it('serves a page of its own host, with a preflight that needs no token and a challenge the page can read', async () => {
    const headers = { Origin: 'http://127.0.0.1:6274', 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization,mcp-method' };
    const preflight = await fetch(room.url(), { method: 'OPTIONS', headers });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('Access-Control-Allow-Origin')).toBe('http://127.0.0.1:6274');
    expect(preflight.headers.get('Access-Control-Allow-Headers')).toBe('authorization,mcp-method');
    const response = await room.post(initialize(), undefined, { headers: { Origin: headers.Origin } });
    expect(response.status).toBe(401);
    expect(response.headers.get('Access-Control-Expose-Headers')).toContain('WWW-Authenticate');
    expect((await fetch(room.url(), { method: 'OPTIONS', headers: { ...headers, Origin: 'https://evil.example' } })).status).toBe(403);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', ''])('answers the content type "%s" with 415, whatever the body would do', async (type) => {
    const response = await room.post(callTool('note_write', { name: 'a', text: 'b' }), await room.issuer.token(), { headers: { 'Content-Type': type } });
    expect(response.status).toBe(415);
  });

  it.each(['application/json; charset=utf-8', 'application/json;', 'Application/JSON ; =x', 'application/json, text/plain'])(
    'runs nothing unauthorized for the content type "%s"',
    async (type) => {
      const response = await room.post(callTool('note_write', { name: 'a', text: 'b' }), await room.issuer.token(), { headers: { 'Content-Type': type } });
      expect([400, 403, 415]).toContain(response.status);
    },
  );

  it('answers a compressed body with 415: nothing inflates beyond its limit', async () => {
    const body = gzipSync(JSON.stringify(initialize()));
    expect((await room.post(undefined, await room.issuer.token(), { body, headers: { 'Content-Encoding': 'gzip' } })).status).toBe(415);
  });

  it.each([
    ['{', -32700],
    ['"text"', -32600],
    ['1', -32600],
    ['[]', -32600],
    ['{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600],
  ])('answers the body %j with 400 and %d', async (body, code) => {
    const response = await room.post(undefined, await room.issuer.token(), { body });
    expect(response.status).toBe(400);
    expect((await messageOf(response)).error?.code).toBe(code);
  });

  it('answers an empty body with 400', async () => {
    for (const body of ['', undefined]) expect((await room.post(undefined, await room.issuer.token(), { body })).status).toBe(400);
  });

  it('takes a body of more than 100 kB, and answers one above 4 MB with 413', async () => {
    const padded = (bytes: number) => ({ ...initialize(), params: { ...initialize().params, padding: 'x'.repeat(bytes) } });
    expect((await room.post(callTool('echo', { padding: 'x'.repeat(1_000_000) }), await room.issuer.token())).status).toBe(200);
    expect((await room.post(padded(MAX_BODY_BYTES), await room.issuer.token())).status).toBe(413);
  });

  it('does not read a large body of someone without a token', async () => {
    expect((await room.post({ padding: 'x'.repeat(MAX_BODY_BYTES) })).status).toBe(401);
  });
});

describe('everything else', () => {
  it.each(['/', '/MCP', '/mcp/x', '/live', '/ready', '/metrics', '/.well-known/oauth-protected-resource/other', '/%'])('is 404: %s', async (path) => {
    expect((await fetch(`http://127.0.0.1:${room.listening.port}${path}`)).status).toBe(404);
  });
});

describe('the log', () => {
  it('has one line a request with method, path without query, status, duration, subject, client, MCP method and tool', async () => {
    await (await room.post(callTool('echo', { message: 'a body' }), await room.issuer.token(), {}, '/mcp?code=secret-code')).text();
    await expect.poll(() => room.lines().at(-1)).toMatchObject({
      level: 'info',
      method: 'POST',
      path: '/mcp',
      status: 200,
      milliseconds: expect.any(Number) as number,
      server: 'mcp',
      subject: 'f6a3c1d2-alice',
      client: 'a-client',
      mcpMethod: 'tools/call',
      target: 'echo',
    });
    expect(room.log.join('')).not.toMatch(/secret-code|a body/);
  });

  it('leaves out names that are no names', async () => {
    await (await room.post(callTool('eyJ'.repeat(100)), await room.issuer.token())).text();
    await expect.poll(() => room.lines().at(-1)).not.toHaveProperty('target');
  });
});

describe('health and shutdown', () => {
  it('answers on a listener of its own: live as long as it serves, ready when tokens can be checked and backends be reached', async () => {
    const serving = await serve({ ...serverSettings(), workers: 2, metricsPort: 0 }, createLogger({ write: () => {} }), () => {});
    const ask = async (path: string) => fetch(`http://127.0.0.1:${serving.healthPort}${path}`);
    expect([(await ask('/live')).status, (await ask('/')).status]).toEqual([200, 404]);
    await expect.poll(async () => (await ask('/ready')).json()).toEqual({ ok: false, problems: expect.arrayContaining(['the backend of mcp cannot be reached']) as string[] });
    expect((await ask('/ready')).status).toBe(503);
    expect(await (await fetch(`http://127.0.0.1:${serving.metricsPort}/metrics`)).text()).toContain('drawbridge_backend_up{server="mcp"} 0');
    await serving.stop();
  });

  it('SIGTERM ends the process with 0 soon, also while a client keeps its connection', async () => {
    const main = spawn(process.execPath, ['server/main.ts'], {
      env: { DRAWBRIDGE_SERVER: JSON.stringify(serverSettings()) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(main.stdout, 'data')) as [Buffer];
    const { port } = JSON.parse(line.toString()) as { port: number };
    expect((await fetch(`http://127.0.0.1:${port}/mcp`)).status).toBe(401);
    const exited = once(main, 'exit');
    main.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });

  it('wrong settings end it with 2 before it listens, and say all that is wrong', async () => {
    const main = spawn(process.execPath, ['server/main.ts'], { env: { DRAWBRIDGE_SERVER: '{"port": "x"}' }, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    main.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    expect((await once(main, 'exit'))[0]).toBe(2);
    expect(stderr).toMatch(/port: [\s\S]*auth: [\s\S]*servers: /);
  });

  it('a request that is under way when it stops is finished first', async () => {
    const other = await ServerRoom.open();
    const token = await other.issuer.token();
    const body = JSON.stringify(initialize());
    const answer = new Promise<number | undefined>((resolve, reject) => {
      const slow = request(other.url(), {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', 'Content-Length': body.length },
      });
      slow.on('error', reject).on('response', (res) => resolve(res.resume().statusCode));
      slow.write(body.slice(0, 10));
      setTimeout(() => slow.end(body.slice(10)), 300);
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const stopped = other.listening.stop(5_000);
    await expect(fetch(other.url())).rejects.toThrow();
    expect(await answer).toBe(200);
    await stopped;
    await other.issuer.stop();
  });
});
