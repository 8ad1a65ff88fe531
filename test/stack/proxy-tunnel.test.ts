import type Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addresses, exitCode, output, until } from './proxy-containers.ts';
import { behindTunnel, type Echo, FrontFixture } from './proxy-front.ts';

describe('a front behind a tunnel', () => {
  const fixture = new FrontFixture();
  let host: Docker.Container;
  let front: Docker.Container;
  beforeAll(async () => {
    ({ host, front } = await fixture.startBehindTunnel());
  });
  afterAll(() => fixture.containers.remove());

  const ask = (path: string, ...options: string[]) => output(front, ['curl', '--silent', '--path-as-is', '--header', 'Host: localhost:8443', ...options, `http://127.0.0.1:18086${path}`]);
  const status = (path: string, ...options: string[]) => ask(path, '--output', '/dev/null', '--write-out', '%{http_code}', ...options);

  it('serves at once, without a certificate, without root and without a capability', async () => {
    await until('the front is healthy', () => fixture.healthy(front));
    expect(await status('/mcp')).toBe('200');
  });

  it('is on loopback alone', async () => {
    const other = await fixture.bystander();
    const { own } = await addresses(host);
    expect(await exitCode(other, ['curl', '--silent', '--output', '/dev/null', `http://${own}:8080/mcp`])).toBe(0);
    for (const port of [80, 443, 18086]) expect(await exitCode(other, ['curl', '--silent', `http://${own}:${port}/mcp`]), String(port)).toBe(7);
  });

  it('takes the client’s address from Cloudflare’s header, and the scheme of what it serves from nobody', async () => {
    const forged = ['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-Proto: wss', 'X-Real-IP: 6.6.6.6', 'Forwarded: for=6.6.6.6'].flatMap((header) => ['--header', header]);
    const { headers } = JSON.parse(await ask('/mcp', '--header', 'CF-Connecting-IP: 203.0.113.9', ...forged)) as Echo;
    expect(headers).toMatchObject({ host: 'localhost:8443', 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' });
    expect(Object.values(headers).join()).not.toContain('6.6.6.6');
    expect(headers).not.toHaveProperty('cf-connecting-ip');
  });

  it('serves nothing that came to the edge over plain http, and leads it to https', async () => {
    expect(await ask('/mcp?x=1', '--header', 'X-Forwarded-Proto: http', '--output', '/dev/null', '--write-out', '%{http_code} %{redirect_url}')).toBe('308 https://localhost:8443/mcp?x=1');
  });

  it('refuses what the connector’s rules cannot tell from a route: they see the decoded path', async () => {
    for (const path of ['/%6dcp', '/mcp%2f', '/auth%2fresources/x', '/auth/resources/%78', '//mcp', '/x/../mcp']) expect(await status(path), path).toBe('404');
  });

  it('knows no host but its own', async () => {
    expect(await output(front, ['curl', '--silent', 'http://127.0.0.1:18086/mcp'])).toBe('Misdirected request.\n');
  });

  it('says to browsers to come by TLS', async () => {
    expect(await ask('/mcp', '--dump-header', '-')).toMatch(/^strict-transport-security: max-age=31536000\r$/im);
  });

  it('takes another configuration over', async () => {
    await fixture.configure({ ...behindTunnel, callers: ['203.0.113.0/24'] }, front);
    expect([await status('/mcp', '--header', 'CF-Connecting-IP: 203.0.113.9'), await status('/mcp', '--header', 'CF-Connecting-IP: 198.51.100.9')]).toEqual(['200', '403']);
  });

  it('keeps a connection of the connector’s, and asks it to give it up before workers end', async () => {
    const kept = "const http = require('node:http'); const agent = new http.Agent({ keepAlive: true, maxSockets: 1 }); const seen = []; const ask = () => http.get({ agent, port: 18086, host: '127.0.0.1', path: '/mcp', headers: { host: 'localhost:8443' } }, (r) => { seen.push(r.headers.connection); r.resume().on('end', () => (r.headers.connection.includes('close') ? process.stdout.write(seen.join()) : setTimeout(ask, 100))); }); ask();";
    const asking = output(host, ['node', '-e', kept]);
    await fixture.configure(behindTunnel, front);
    expect(await asking).toMatch(/^(keep-alive,)+.*close$/);
  });
});
