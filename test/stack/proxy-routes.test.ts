import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routeTable } from '../../proxy/routes.ts';
import { endpoints, FrontFixture } from './proxy-front.ts';

const front = new FrontFixture();
beforeAll(async () => {
  await front.start();
  await front.serve();
});
afterAll(() => front.containers.remove());

/** Sends bytes over TLS and returns the first line of the answer. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port: front.port(443), servername: 'localhost', rejectUnauthorized: false }, () => socket.write(text));
    socket.once('data', (data: Buffer) => {
      resolve(data.toString().split('\r\n')[0]!);
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

describe('a path of the table', () => {
  const paths = routeTable(endpoints).map((route) => ({
    path: route.match === 'exact' ? route.path : `${route.path}a/b-c_d@1.2~3.css`,
    upstream: route.match === 'exact' ? route.upstreamPath : `${route.path}a/b-c_d@1.2~3.css`,
    by: route.destination === 'server' ? 'server' : 'keycloak',
  }));

  it.each(paths)('$path reaches $by as $upstream, its query untouched', async ({ path, upstream, by }) => {
    expect(await front.echo(`${path}?a=%2F..%2f&b=%3F`)).toMatchObject({ by, url: `${upstream}?a=%2F..%2f&b=%3F` });
  });

  it('is reached over HTTP/2 as well', async () => {
    const session = connectHttp2(`https://127.0.0.1:${front.port(443)}`, { servername: 'localhost', rejectUnauthorized: false });
    const status = await new Promise((resolve, reject) => {
      session.on('error', reject);
      session.request({ ':path': '/mcp', ':authority': 'localhost:8443' }).on('response', (headers) => resolve(headers[':status']));
    });
    session.close();
    expect(status).toBe(200);
  });
});

describe('everything else is 404', () => {
  const realm = '/auth/realms/main';
  it.each([
    '/', '/auth', '/auth/', '/auth/admin', '/auth/admin/master/console/', '/auth/realms/master', '/auth/realms/master/protocol/openid-connect/auth',
    realm, `${realm}/`, `${realm}/account`, `${realm}/protocol/openid-connect/token/introspect`, `${realm}/protocol/openid-connect/auth/device`,
    `${realm}/clients-registrations/default`, `${realm}/clients-registrations/openid-connect/`, `${realm}/clients-registrations/openid-connect/some-id`,
    '/auth/metrics', '/auth/health', '/metrics', '/health', '/mcp/x', '/mcpx', '/server', `${realm}/login-actions`, '/auth/resources',
  ])('%s', async (path) => {
    expect((await front.get(path)).status).toBe(404);
  });
});

describe('a path that nginx and Keycloak could read differently is 404', () => {
  const realm = '/auth/realms/main';
  it.each([
    '//auth/admin/', '/auth//admin/', '//mcp', '/auth/%61dmin/', '/%6dcp', '/mcp%2f', '/mcp%3Fx', '/mcp;x=1', '/AUTH/admin/', '/MCP', '/Auth/resources/x',
    `${realm}/../master/`, `${realm}/login-actions/../../master`, `${realm}/login-actions/..%2f..%2fmaster`, `${realm}/login-actions/%2e%2e/%2e%2e/master`,
    `${realm}/login-actions/..;/..;/master`, `${realm}/login-actions;/x`, `${realm}/login-actions/.%2e/x`, `${realm}/login-actions/%252e%252e/x`,
    '/auth/resources/..%2fadmin/', '/auth/resources/%2e%2e/admin/', '/auth/resources/../admin/', '/auth/resources/./x', '/auth/resources/x/..', '/auth/resources/x/.',
    '/auth/resources//x', '/auth/resources/x//', '/auth/resources/%5c..%5cadmin', '/auth/resources/..\\admin', '/auth/resources/x%0d%0aHost:%20evil', '/auth/resources/%c0%ae%c0%ae/admin',
    '/auth;x/admin/', '/./mcp', '/x/../mcp', '/mcp/.', '/mcp/./', '/mcp/..', '/mcp#x',
  ])('%s', async (path) => {
    expect((await front.get(path)).status).toBe(404);
  });

  it('also in absolute form, whatever host it names', async () => {
    const headers = 'Host: localhost:8443\r\nConnection: close\r\n\r\n';
    expect(await raw(`GET https://localhost:8443/auth/admin/ HTTP/1.1\r\n${headers}`)).toContain(' 404 ');
    expect(await raw(`GET https://localhost:8443/auth/resources/..%2fadmin/ HTTP/1.1\r\n${headers}`)).toContain(' 404 ');
    expect(await raw(`GET https://evil.example/mcp HTTP/1.1\r\n${headers}`)).toContain(' 421 ');
  });

  it('with a NUL is malformed', async () => {
    expect((await front.get('/mcp%00')).status).toBe(400);
  });

  it('also when it is 30 kB long', async () => {
    expect((await front.get(`/auth/resources/${'a/'.repeat(15_000)}..%2f`)).status).toBe(404);
  });
});

describe('a host that is not ours', () => {
  it('sees no certificate', async () => {
    await expect(front.get('/mcp', { servername: 'evil.example' })).rejects.toThrow(/unrecognized name|handshake/i);
    await expect(front.get('/mcp', { servername: '' })).rejects.toThrow(/unrecognized name|handshake/i);
  });

  it.each([true, false])('is answered 421 (plain HTTP: %s)', async (plain) => {
    const { status, text } = await front.get('/mcp', { plain, headers: { host: 'evil.example' } });
    expect([status, text]).toEqual([421, 'Misdirected request.\n']);
  });
});

describe('plain HTTP', () => {
  it('is redirected to the public https origin, with method and query kept (308)', async () => {
    const { status, headers } = await front.get('/mcp?x=1', { plain: true, method: 'POST', headers: { host: 'localhost' } });
    expect([status, headers.location]).toEqual([308, 'https://localhost:8443/mcp?x=1']);
  });

  it('serves the ACME challenge without a redirect (RFC 8555 §8.3)', async () => {
    const directory = `/certificates/challenge${endpoints.challengePath}`;
    await front.onCertificates(`mkdir -p ${directory}; printf proof >${directory}token`);
    expect(await front.get(`${endpoints.challengePath}token`, { plain: true })).toMatchObject({ status: 200, text: 'proof' });
    expect((await front.get(`${endpoints.challengePath}other`, { plain: true })).status).toBe(404);
    expect((await front.get(`${endpoints.challengePath}..%2f..%2f..%2flive/privkey.pem`, { plain: true })).status).not.toBe(200);
  });
});
