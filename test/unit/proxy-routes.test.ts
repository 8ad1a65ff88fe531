import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../infra/config.ts';
import { deriveEndpoints } from '../../infra/endpoints.ts';
import { routeTable } from '../../proxy/routes.ts';

const endpoints = deriveEndpoints(parseConfig({ host: 'mcp.example.org' }));
const routes = routeTable(endpoints);
const route = (path: string) => routes.find((candidate) => candidate.path === path);

describe('the route table', () => {
  it('has the MCP path with and without a trailing slash, both to the same path of the server', () => {
    for (const path of ['/mcp', '/mcp/'])
      expect(route(path)).toEqual({ host: 'mcp.example.org', match: 'exact', path, upstreamPath: '/mcp', destination: 'server', kind: 'mcp' });
  });

  it('has protected resource metadata at the path-inserted place and at the root (RFC 9728 §3.1)', () => {
    for (const path of ['/.well-known/oauth-protected-resource/mcp', '/.well-known/oauth-protected-resource'])
      expect(route(path)).toMatchObject({ match: 'exact', upstreamPath: path, destination: 'server', kind: 'metadata' });
  });

  it('has authorization server metadata where clients look for it, and asks Keycloak where Keycloak has it (RFC 8414 §3.1)', () => {
    const asked = endpoints.authorizationServer!.metadataPaths.map(({ path }) => [path, route(path)]);
    expect(asked.map(([, found]) => found)).toEqual(
      endpoints.authorizationServer!.metadataPaths.map((mapping) => ({ ...mapping, match: 'exact', destination: 'authorizationServer', kind: 'metadata' })),
    );
    expect(route('/.well-known/oauth-authorization-server')).toMatchObject({ upstreamPath: '/auth/.well-known/oauth-authorization-server/realms/main' });
  });

  it('has registration as a kind of its own (RFC 7591), and that path alone', () => {
    expect(routes.filter(({ kind }) => kind === 'registration')).toMatchObject([{ match: 'exact', path: '/auth/realms/main/clients-registrations/openid-connect' }]);
  });

  it('opens only what sign-in needs below /auth', () => {
    expect(routes.filter(({ kind }) => kind === 'sign-in').map(({ match, path }) => `${match} ${path}`)).toEqual([
      'exact /auth/realms/main/protocol/openid-connect/auth',
      'exact /auth/realms/main/protocol/openid-connect/token',
      'exact /auth/realms/main/protocol/openid-connect/certs',
      'exact /auth/realms/main/protocol/openid-connect/userinfo',
      'exact /auth/realms/main/protocol/openid-connect/revoke',
      'exact /auth/realms/main/protocol/openid-connect/logout',
      'prefix /auth/realms/main/protocol/openid-connect/logout/',
      'prefix /auth/realms/main/login-actions/',
      'prefix /auth/resources/',
    ]);
  });

  it('has no admin console, no other realm, no metrics, no health, no account console', () => {
    for (const { path } of routes) expect(path).not.toMatch(/admin|master|metrics|health|account|management/);
  });

  it('has every path once for a host', () => {
    const places = routes.map(({ host, path }) => host + path);
    expect(new Set(places).size).toBe(places.length);
  });

  it('gives each host its own routes in the layout subdomains', () => {
    const split = routeTable(deriveEndpoints(parseConfig({ host: 'example.org', layout: 'subdomains' })));
    expect(new Set(split.filter(({ destination }) => destination === 'server').map(({ host }) => host))).toEqual(new Set(['mcp.example.org']));
    const elsewhere = split.filter(({ destination, host }) => destination === 'authorizationServer' && host !== 'auth.example.org');
    // Clients from before RFC 9728 look for the authorization server's metadata on the root of the MCP server's host.
    expect(elsewhere.map(({ host, path, kind }) => [host, path, kind])).toEqual([['mcp.example.org', '/.well-known/oauth-authorization-server', 'metadata']]);
  });

  it('names a path only of characters that every hop reads the same', () => {
    for (const { path } of routes) expect(path).toMatch(/^(\/[A-Za-z0-9._-]+)+\/?$/);
  });
});

describe('without a Keycloak of the stack', () => {
  const paths = (raw: Record<string, unknown>) => routeTable(deriveEndpoints(parseConfig({ host: 'mcp.example.org', ...raw }))).map(({ path, destination }) => `${destination} ${path}`);

  it.each(['bearer', 'none'])('auth %s opens the MCP path and nothing else', (auth) => {
    expect(paths({ auth })).toEqual(['server /mcp', 'server /mcp/']);
  });

  it('an authorization server elsewhere leaves the MCP path and its metadata', () => {
    expect(paths({ authorizationServer: { issuer: 'https://login.example.net' } })).toEqual(['server /mcp', 'server /mcp/', 'server /.well-known/oauth-protected-resource/mcp', 'server /.well-known/oauth-protected-resource']);
  });

  it('the keys of signed identity headers are a document of the gateway', () => {
    const servers = [{ name: 'a', path: '/a', backend: { url: 'https://a.example.net/mcp' }, identity: 'signed' }];
    const table = routeTable(deriveEndpoints(parseConfig({ host: 'mcp.example.org', auth: 'bearer', servers })));
    const path = '/.well-known/drawbridge/jwks.json';
    expect(table.at(-1)).toEqual({ host: 'mcp.example.org', match: 'exact', path, upstreamPath: path, destination: 'server', kind: 'metadata' });
  });
});
