import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type Docker from 'dockerode';
import { Agent, fetch as undiciFetch } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RecordingBackend } from '../support/recording-backend.ts';
import { addresses, logs } from './proxy-containers.ts';
import { type Echo, endpoints, FrontFixture } from './proxy-front.ts';

const token = '/auth/realms/main/protocol/openid-connect/token';
const open = [...endpoints.servers[0]!.metadataPaths, ...endpoints.authorizationServer!.metadataPaths.map(({ path }) => path), token, '/auth/resources/x.css'];
const status = ['--output', '/dev/null', '--write-out', '%{http_code}'];

describe('calls from an address that is not listed', () => {
  const front = new FrontFixture();
  let backend: RecordingBackend;
  let elsewhere: Docker.Container;
  beforeAll(async () => {
    await front.build();
    elsewhere = await front.bystander();
    // This process has the address of the network's gateway.
    const { gateway } = await addresses(elsewhere);
    backend = await new RecordingBackend('stateful').start(0, gateway);
    const { port } = new URL(backend.url);
    await front.start({ callers: ['160.79.104.0/21', gateway], upstreams: { server: `http://${gateway}:${port}`, authorizationServer: 'http://keycloak:8080' } });
    await front.serve();
  });
  afterAll(async () => {
    await front.containers.remove();
    await backend.stop();
  });

  it('while a client at one that is connects and calls', async () => {
    const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
    const fetch = ((url: string | URL, init: RequestInit) => undiciFetch(url, { ...(init as object), dispatcher })) as unknown as typeof globalThis.fetch;
    const client = new Client({ name: 'listed', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(new URL(`https://localhost:${front.port(443)}/mcp`), { fetch }));
    expect((await client.listTools()).tools.length).toBeGreaterThan(0);
    await client.close();
    await dispatcher.close();
  });

  it.each(['/mcp', '/mcp/'])('%s is 403, said in JSON, and the server does not hear of it', async (path) => {
    const before = backend.requests.length;
    for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) expect(await front.curlFrom(elsewhere, path, '--request', method, ...status)).toBe('403');
    const said = await front.curlFrom(elsewhere, path, '--include', '--http1.1');
    expect(said).toMatch(/^HTTP\/1\.1 403 .*\r\ncontent-type: application\/json\r\n/is);
    expect(JSON.parse(said.split('\r\n\r\n')[1]!)).toMatchObject({ error: 'address_not_allowed' });
    expect(backend.requests.length).toBe(before);
  });

  it('is 403 whatever address the client writes into a header', async () => {
    for (const name of ['X-Forwarded-For', 'X-Real-IP', 'Forwarded', 'True-Client-IP', 'CF-Connecting-IP'])
      expect(await front.curlFrom(elsewhere, '/mcp', '--header', `${name}: ${name === 'Forwarded' ? 'for=' : ''}160.79.104.1`, ...status)).toBe('403');
  });

  it.each(open)('%s is open', async (path) => {
    // What is here in place of the gateway has no metadata, and says so itself.
    expect(await front.curlFrom(elsewhere, path, ...status)).toBe(path.includes('protected-resource') ? '400' : '200');
  });
});

describe('behind another proxy', () => {
  const front = new FrontFixture();
  let proxy: Docker.Container;
  let elsewhere: Docker.Container;
  const forwardedBy = (from: Docker.Container, list: string, ...options: string[]) => front.curlFrom(from, '/mcp', '--header', `X-Forwarded-For: ${list}`, ...options);
  beforeAll(async () => {
    await front.build();
    [proxy, elsewhere] = [await front.bystander(), await front.bystander()];
    await front.start({ callers: ['198.51.100.0/24', '2001:db8::/32'], trustedProxies: [(await addresses(proxy)).own, '10.99.0.0/16'] });
    await front.serve();
  });
  afterAll(() => front.containers.remove());

  it.each(['198.51.100.7', '2001:db8::7'])('the client’s address is the one that the proxy names: %s', async (address) => {
    const { headers } = JSON.parse(await forwardedBy(proxy, address)) as Echo;
    expect(headers['x-forwarded-for']).toBe(address);
    expect(await logs(front.front)).toContain(`"client":"${address}"`);
  });

  it('is the last that is no trusted hop, where several are on the way', async () => {
    const { headers } = JSON.parse(await forwardedBy(proxy, '203.0.113.1, 198.51.100.7, 10.99.0.1')) as Echo;
    expect(headers['x-forwarded-for']).toBe('198.51.100.7');
  });

  it('is not what the client itself wrote before the proxy', async () => {
    expect(await forwardedBy(proxy, '198.51.100.7, 203.0.113.9', ...status)).toBe('403');
    expect(await forwardedBy(proxy, '203.0.113.9', ...status)).toBe('403');
  });

  it('counts for nothing from who is no trusted proxy', async () => {
    expect(await forwardedBy(elsewhere, '198.51.100.7', ...status)).toBe('403');
    const { headers } = JSON.parse(await front.curlFrom(elsewhere, token, '--header', 'X-Forwarded-For: 198.51.100.7')) as Echo;
    expect(headers['x-forwarded-for']).toBe((await addresses(elsewhere)).own);
  });
});
