import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FrontFixture } from './proxy-front.ts';

const front = new FrontFixture();
const token = '/auth/realms/main/protocol/openid-connect/token';
const login = '/auth/realms/main/login-actions/authenticate';
const metadata = '/.well-known/oauth-protected-resource/mcp';
const registration = '/auth/realms/main/clients-registrations/openid-connect';

beforeAll(async () => {
  await front.start();
  await front.serve();
});
afterAll(() => front.containers.remove());

describe('what an upstream receives', () => {
  it.each(['/mcp', token])('%s: the public host, port and scheme, whatever the client claims', async (path) => {
    const { headers } = await front.echo(path, {
      headers: { host: 'LOCALHOST:1', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http', 'x-forwarded-port': '1' },
    });
    expect(headers).toMatchObject({ host: 'localhost:8443', 'x-forwarded-host': 'localhost:8443', 'x-forwarded-proto': 'https', 'x-forwarded-port': '8443' });
  });

  it.each(['/mcp', token, login])('%s: the address of the client alone, not one that the client wrote', async (path) => {
    const { headers } = await front.echo(path, { headers: { 'x-forwarded-for': '198.51.100.7', x_forwarded_for: '198.51.100.7' } });
    expect(headers['x-forwarded-for']).toMatch(/^[0-9.]+$/);
    expect(JSON.stringify(headers)).not.toContain('198.51.100.7');
  });

  it.each(['/mcp', token, metadata])('%s: no header with which a client poses as a proxy', async (path) => {
    const planted = 'Forwarded X-Forwarded-Prefix X-Forwarded-Server X-Real-IP X-Client-IP True-Client-IP CF-Connecting-IP X-Original-URL X-Rewrite-URL Remote-User SSL-Client-Cert Proxy';
    const { headers } = await front.echo(path, { headers: Object.fromEntries(planted.split(' ').map((name) => [name, 'planted'])) });
    expect(JSON.stringify(headers)).not.toContain('planted');
  });

  it("the client's token, and a token of 12 kB", async () => {
    for (const authorization of ['Bearer x', `Bearer ${'x'.repeat(12_000)}`])
      expect((await front.echo('/mcp', { headers: { authorization } })).headers.authorization).toBe(authorization);
  });
});

describe('what a client receives', () => {
  it.each(['/mcp', token, metadata, '/'])('%s: nosniff and no-referrer once each, and no HSTS for localhost', async (path) => {
    const { headers } = await front.get(path);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', server: 'nginx' });
    expect(headers['strict-transport-security']).toBeUndefined();
  });

  it('no cookie from an MCP server, which shares its origin with the sign-in pages, and nothing that could run there', async () => {
    const { headers } = await front.get('/mcp');
    expect(headers['set-cookie']).toBeUndefined();
    expect(headers['content-security-policy']).toBe("default-src 'none'; frame-ancestors 'none'; sandbox");
    const signIn = await front.get(login);
    expect(signIn.headers['set-cookie']).toEqual(['planted=1']);
    expect(signIn.headers['content-security-policy']).toBeUndefined();
  });

  it.each([metadata, registration])('%s: an answer for browsers of any origin, preflight included', async (path) => {
    expect((await front.get(path)).headers['access-control-allow-origin']).toBe('*');
    const preflight = await front.get(path, { method: 'OPTIONS', headers: { origin: 'https://inspector.example', 'access-control-request-headers': 'mcp-protocol-version' } });
    expect([preflight.status, preflight.text, preflight.headers['access-control-allow-headers']]).toEqual([204, '', '*, Authorization']);
  });

  it.each(['/mcp', token])("%s: the upstream's own CORS decision", async (path) => {
    expect((await front.get(path)).headers['access-control-allow-origin']).toBe('https://upstream.example');
  });
});

describe('streaming on the MCP path', () => {
  it('hands on the first part of an answer before the last is there', async () => {
    const started = Date.now();
    let first = Infinity;
    const { text } = await front.get('/mcp?stream=1500', { onFirst: () => (first = Date.now() - started) });
    expect(text).toBe('firstlast');
    expect(first).toBeLessThan(1000);
  });
});

describe('bodies', () => {
  it('up to 4 MB reach the MCP server, larger ones are 413 in JSON', async () => {
    expect((await front.get('/mcp', { method: 'POST', body: Buffer.alloc(4_000_000) })).status).toBe(200);
    const { status, text, headers } = await front.get('/mcp', { method: 'POST', body: Buffer.alloc(4_300_000) });
    expect([status, headers['content-type'], JSON.parse(text).error]).toEqual([413, 'application/json', 'request_too_large']);
  });

  it('are small elsewhere', async () => {
    expect((await front.get(token, { method: 'POST', body: Buffer.alloc(100_000) })).status).toBe(200);
    expect((await front.get(token, { method: 'POST', body: Buffer.alloc(200_000) })).status).toBe(413);
  });
});

describe('TLS', () => {
  const negotiate = (minVersion: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3', maxVersion = minVersion, ciphers = 'DEFAULT@SECLEVEL=0') =>
    new Promise<string | null>((resolve, reject) => {
      const options = { host: '127.0.0.1', port: front.port(443), servername: 'localhost', rejectUnauthorized: false, minVersion, maxVersion, ciphers };
      const socket = connectTls(options, () => {
        resolve(socket.getProtocol());
        socket.destroy();
      }).on('error', reject);
    });

  it('is 1.2 or 1.3, nothing older', async () => {
    expect(await negotiate('TLSv1.2')).toBe('TLSv1.2');
    expect(await negotiate('TLSv1.3')).toBe('TLSv1.3');
    await expect(negotiate('TLSv1.1')).rejects.toThrow();
  });

  it.each(['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305'])('1.2 knows %s', async (cipher) => {
    expect(await negotiate('TLSv1.2', 'TLSv1.2', cipher)).toBe('TLSv1.2');
  });

  // What Mozilla's intermediate set leaves out: CBC, SHA-1, CCM.
  it.each(['ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES128-SHA256', 'ECDHE-ECDSA-AES256-SHA384', 'ECDHE-ECDSA-AES128-CCM'])('1.2 refuses %s', async (cipher) => {
    await expect(negotiate('TLSv1.2', 'TLSv1.2', `${cipher}:@SECLEVEL=0`)).rejects.toThrow(/handshake failure/i);
  });
});

describe('a flood of registrations from one address', () => {
  it('is answered 429 after two minutes’ worth, and nothing else is', async () => {
    const statuses = (await Promise.all(Array.from({ length: 100 }, () => front.get(registration)))).map(({ status }) => status);
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(20);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(40);
    expect((await front.get(registration)).headers['retry-after']).toBe('60');
    expect((await front.get(token)).status).toBe(200);
  });
});
