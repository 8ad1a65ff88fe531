import { request } from 'node:https';
import { describe, expect, it } from 'vitest';
import { deriveEndpoints } from '../../infra/endpoints.ts';
import { parseConfig } from '../../infra/config.ts';
import { authorizationServerMetadata } from '../support/code-flow.ts';
import { challengeOf } from '../support/mcp-request.ts';
import { config, outputs, refusals, resource } from '../support/outputs.ts';

const origin = new URL(resource.url).origin;
const endpoints = deriveEndpoints(parseConfig(config));

/** Status of a GET whose path goes over the wire as it stands: `fetch` would normalise the tricks away. */
function statusOf(path: string, headers: Record<string, string> = {}): Promise<number | undefined> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    request({ hostname, port, path, headers, servername: hostname }, (response) => {
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
    expect(outputs.issuer).toBe(endpoints.authorizationServer!.issuer);
    expect(metadata.issuer).toBe(endpoints.authorizationServer!.issuer);
    expect(outputs.jwksUrl).toBe(endpoints.authorizationServer!.jwksUrl);
    expect(metadata.jwks_uri).toBe(endpoints.authorizationServer!.jwksUrl);
    const document = (await (await fetch(resource.metadataUrl)).json()) as Record<string, unknown>;
    expect(document).toMatchObject({ resource: resource.url, authorization_servers: [outputs.issuer], scopes_supported: resource.scopes });
    expect(resource.url).toBe(endpoints.servers[0]!.resource);
  });

  it('advertises offline_access at the authorization server, and neither in a challenge nor in the metadata of a resource (SEP-2207)', async () => {
    expect((await authorizationServerMetadata()).scopes_supported).toContain('offline_access');
    expect(challengeOf(await fetch(resource.url, { method: 'POST' })).scope).toBe(resource.scopes[0]);
    expect(JSON.stringify(await (await fetch(resource.metadataUrl)).json())).not.toContain('offline_access');
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
    for (const { path } of endpoints.authorizationServer!.metadataPaths)
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
    '/auth/realms/main/../master', '/auth/realms/main/%2e%2e/master', '/auth/realms/main/%252e%252e/master', '/auth/realms/%6daster', '/auth/realms/main%2f..%2fmaster',
    '/auth/realms/main/login-actions/./../../master', '/auth/realms/main\\..\\master', '/auth/realms/main/..%5cmaster', '/auth/%2561dmin/',
    '/auth/admin;a=b/', '/auth/admin%20/', '/auth/admin/%2e/realms', '/auth/ADMIN/', '/%61uth/admin/', '/./auth/admin/', '/auth/resources/../admin/realms/main/users',
    '/auth/admin/realms/main/users?x=/auth/resources/', '/auth/realms/main/protocol/openid-connect/auth/../../../../admin/', `https://${endpoints.hosts[0]}/auth/admin/`,
    '/auth/realms/main/protocol/openid-connect/registrations', '/auth/realms/main/protocol/openid-connect/auth/device', '/auth/realms/main/protocol/openid-connect/ext/par/request',
    '/auth/realms/main/protocol/openid-connect/ext/ciba/auth', '/auth/realms/main/protocol/saml', '/auth/realms/main/clients-registrations/openid-connect/some-client',
    '/auth/realms/main/authz/protection/permission', '/auth/realms/main/device',
  ];
  it.each(closed)('%s is 404', async (path) => {
    expect(await statusOf(path)).toBe(404);
  });

  it.each([['/auth/realms/master%00', refusals.unreadable], ['http://keycloak:8080/auth/admin/', refusals.otherHost]])('%s is %d', async (path, status) => {
    expect(await statusOf(path)).toBe(status);
  });

  // Each names the path or the host to a proxy or a framework somewhere (request smuggling by header).
  it.each(['x-original-url', 'x-rewrite-url', 'x-forwarded-path', 'x-forwarded-uri', 'x-forwarded-prefix', 'x-http-method-override'])('nor does %s lead there', async (header) => {
    for (const path of ['/', '/auth/', '/auth/realms/main/protocol/openid-connect/admin'])
      expect(await statusOf(path, { [header]: '/auth/admin/realms/main/users' })).toBe(404);
  });

  it('nor does another name of the host, which gets no page at all', async () => {
    for (const host of ['keycloak:8080', 'keycloak', 'evil.example', '127.0.0.1']) expect([host, await statusOf('/auth/admin/', { host })]).toEqual([host, refusals.otherHost]);
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
