import { request } from 'node:https';
import { describe, expect, it } from 'vitest';
import { deriveEndpoints } from '../../infra/endpoints.ts';
import { parseConfig } from '../../infra/config.ts';
import { authorizationServerMetadata } from '../support/code-flow.ts';
import { outputs, resource } from '../support/outputs.ts';

const origin = new URL(resource.url).origin;
const endpoints = deriveEndpoints(parseConfig({ profile: 'local', localPort: Number(new URL(origin).port) }));

/** Status of a GET whose path goes over the wire as it stands: `fetch` would normalise the tricks away. */
function statusOf(path: string): Promise<number | undefined> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    request({ hostname, port, path }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

describe('the one config', () => {
  it('gives the outputs, the live metadata and the live JWKS URL the same bytes', async () => {
    const metadata = await authorizationServerMetadata();
    expect(outputs.issuer).toBe(endpoints.authorizationServer.issuer);
    expect(metadata.issuer).toBe(endpoints.authorizationServer.issuer);
    expect(outputs.jwksUrl).toBe(endpoints.authorizationServer.jwksUrl);
    expect(metadata.jwks_uri).toBe(endpoints.authorizationServer.jwksUrl);
    const document = (await (await fetch(resource.metadataUrl)).json()) as Record<string, unknown>;
    expect(document).toMatchObject({ resource: resource.url, authorization_servers: [outputs.issuer], scopes_supported: resource.scopes });
    expect(resource.url).toBe(endpoints.servers[0]!.resource);
  });
});

describe('every public document that the endpoints list', () => {
  it.each(endpoints.documents)('%s answers with JSON to any origin', async (url) => {
    const response = await fetch(url, { redirect: 'manual', headers: { origin: 'https://inspector.example' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/json/);
    expect(response.headers.get('access-control-allow-origin')).toBeTruthy();
    expect(await response.json()).toBeTruthy();
  });

  it('names the same issuer wherever authorization server metadata is served (RFC 8414 §3.3)', async () => {
    for (const { path } of endpoints.authorizationServer.metadataPaths)
      expect(((await (await fetch(`${origin}${path}`)).json()) as { issuer: string }).issuer).toBe(outputs.issuer);
  });
});

describe('what is not on the list is not there', () => {
  const closed = [
    '/', '/auth', '/auth/', '/auth/admin', '/auth/admin/', '/auth/admin/master/console/', '/auth/admin/realms/main', '/auth/realms/master',
    '/auth/realms/master/protocol/openid-connect/auth', '/auth/realms/master/.well-known/openid-configuration', '/auth/realms/main',
    '/auth/realms/main/account', '/auth/realms/main/clients-registrations/default', '/auth/realms/main/protocol/openid-connect/token/introspect',
    '/auth/metrics', '/auth/health', '/auth/health/ready', '/metrics', '/health', '/live', '/ready', '/mcpx', '/mcp/x', '/.well-known/acme-challenge/none',
    '//auth/admin/', '/auth/%61dmin/', '/auth//admin/', '/AUTH/admin/', '/auth/realms/main/login-actions/..%2f..%2fmaster', '/auth/resources/..%2fadmin/',
    '/auth/resources/%2e%2e/admin/', '/auth/realms/main/login-actions/..;/..;/master', '/auth;x/admin/', '/auth/realms/MASTER',
  ];
  it.each(closed)('%s is 404', async (path) => {
    expect(await statusOf(path)).toBe(404);
  });
});

describe('the front', () => {
  it('tells no version and no software of its own', async () => {
    const response = await fetch(`${origin}/`);
    expect(response.headers.get('server') ?? '').not.toMatch(/\d/);
    expect(response.headers.get('x-powered-by')).toBeNull();
  });

  it('speaks HTTP/2', async () => {
    const { connect } = await import('node:http2');
    const session = connect(origin);
    const status = await new Promise<number>((resolve, reject) => {
      session.on('error', reject);
      const stream = session.request({ ':path': new URL(resource.metadataUrl).pathname });
      stream.on('response', (headers) => resolve(Number(headers[':status'])));
    });
    session.close();
    expect(status).toBe(200);
  });
});
