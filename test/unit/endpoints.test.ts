import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../infra/config.ts';
import { deriveEndpoints } from '../../infra/endpoints.ts';

const derive = (raw: Record<string, unknown>) => deriveEndpoints(parseConfig({ profile: 'production', host: 'mcp.example.org', ...raw }));

describe('the endpoints of mcp.example.org', () => {
  const endpoints = derive({});

  it('name the resource, which is the audience, without a trailing slash', () => {
    expect(endpoints.servers[0]!.resource).toBe('https://mcp.example.org/mcp');
  });

  it('name the issuer with the path of the authorization server', () => {
    expect(endpoints.authorizationServer!.issuer).toBe('https://mcp.example.org/auth/realms/main');
    expect(endpoints.authorizationServer!.jwksUrl).toBe('https://mcp.example.org/auth/realms/main/protocol/openid-connect/certs');
  });

  it('insert the path of the resource after the well-known part (RFC 9728 §3.1), and serve the root as well', () => {
    expect(endpoints.servers[0]!.metadataUrl).toBe('https://mcp.example.org/.well-known/oauth-protected-resource/mcp');
    expect(endpoints.servers[0]!.metadataPaths).toEqual(['/.well-known/oauth-protected-resource/mcp', '/.well-known/oauth-protected-resource']);
  });

  it('serve authorization server metadata wherever a client looks for it (RFC 8414 §3.1, OpenID Discovery §4, MCP 2025-03-26)', () => {
    expect(endpoints.authorizationServer!.metadataPaths.map(({ path }) => path)).toEqual([
      '/.well-known/oauth-authorization-server/auth/realms/main',
      '/.well-known/openid-configuration/auth/realms/main',
      '/auth/realms/main/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server',
    ]);
  });

  it('follow the realm everywhere', () => {
    const other = JSON.stringify(derive({ realm: 'team' }));
    expect(other).toContain('/auth/realms/team');
    expect(other).not.toContain('realms/main');
  });
});

it('puts the servers and the authorization server on hosts of their own in the layout subdomains', () => {
  const endpoints = derive({ host: 'example.org', layout: 'subdomains' });
  expect(endpoints.hosts).toEqual(['mcp.example.org', 'auth.example.org']);
  expect(endpoints.servers[0]!.resource).toBe('https://mcp.example.org/mcp');
  expect(endpoints.authorizationServer!.issuer).toBe('https://auth.example.org/auth/realms/main');
  // Where clients from before RFC 9728 look: MCP 2025-03-26 takes the root of the server's own host.
  expect(endpoints.documents).toContain('https://mcp.example.org/.well-known/oauth-authorization-server');
  expect(endpoints.documents.filter((url) => url.startsWith('https://auth.')).map((url) => new URL(url).pathname)).toEqual([
    '/.well-known/oauth-authorization-server/auth/realms/main',
    '/.well-known/openid-configuration/auth/realms/main',
    '/auth/realms/main/.well-known/openid-configuration',
    '/auth/realms/main/protocol/openid-connect/certs',
  ]);
});

describe('the ACME CA', () => {
  it('is Let’s Encrypt, its staging CA, or the one that is named', () => {
    expect(derive({}).acmeDirectory).toBe('https://acme-v02.api.letsencrypt.org/directory');
    expect(derive({ acme: { staging: true } }).acmeDirectory).toBe('https://acme-staging-v02.api.letsencrypt.org/directory');
    expect(derive({ acme: { directory: 'https://ca.example.net/dir' } }).acmeDirectory).toBe('https://ca.example.net/dir');
  });
});

it('names the port in profile local only, where it is not 443', () => {
  expect(deriveEndpoints(parseConfig({ profile: 'local' })).servers[0]!.resource).toBe('https://localhost:8443/mcp');
});

describe('without a Keycloak of the stack', () => {
  const issuers = (issuer: string) => derive({ authorizationServer: { issuer } });

  it.each(['bearer', 'none'])('auth %s has no metadata at all, and no issuer', (auth) => {
    const { servers, issuer, authorizationServer, documents, hosts } = derive({ auth, layout: 'subdomains', host: 'example.org' });
    expect({ issuer, authorizationServer, documents, hosts }).toEqual({ issuer: undefined, authorizationServer: undefined, documents: [], hosts: ['mcp.example.org'] });
    expect(servers[0]).toMatchObject({ resource: 'https://mcp.example.org/mcp', metadataPaths: [] });
    expect(servers[0]!.metadataUrl).toBeUndefined();
  });

  it('an issuer of the user’s own is taken as it is, and its metadata looked for in the order of MCP clients (RFC 8414 §3.1, OpenID Discovery §4)', () => {
    expect(issuers('https://login.example.net/tenant').issuer).toEqual({
      issuer: 'https://login.example.net/tenant',
      metadataUrls: ['https://login.example.net/.well-known/oauth-authorization-server/tenant', 'https://login.example.net/.well-known/openid-configuration/tenant', 'https://login.example.net/tenant/.well-known/openid-configuration'],
    });
  });

  it('the slash at the end of an issuer stays in the issuer and is in none of the URLs; without a path the two OpenID places are one', () => {
    expect(issuers('https://login.example.net/').issuer).toEqual({
      issuer: 'https://login.example.net/',
      metadataUrls: ['https://login.example.net/.well-known/oauth-authorization-server', 'https://login.example.net/.well-known/openid-configuration'],
    });
  });

  it('servers still have protected resource metadata, which names that issuer', () => {
    expect(issuers('https://login.example.net').documents).toEqual(['https://mcp.example.org/.well-known/oauth-protected-resource/mcp', 'https://mcp.example.org/.well-known/oauth-protected-resource']);
  });
});

describe('several servers', () => {
  const endpoints = derive({
    servers: [
      { name: 'files', path: '/files', scopes: ['files'], backend: { command: 'npx' } },
      { name: 'git', path: '/team/git', scopes: ['git'], backend: { image: 'git-server', port: 3000, path: '/' }, identity: 'signed' },
      { name: 'far', path: '/far', scopes: ['far'], backend: { url: 'https://mcp.example.net/v1/mcp' } },
    ],
  });

  it('have a resource and metadata each; the root document is the first one’s', () => {
    expect(endpoints.servers.map(({ resource, metadataPaths }) => [resource, ...metadataPaths])).toEqual([
      ['https://mcp.example.org/files', '/.well-known/oauth-protected-resource/files', '/.well-known/oauth-protected-resource'],
      ['https://mcp.example.org/team/git', '/.well-known/oauth-protected-resource/team/git'],
      ['https://mcp.example.org/far', '/.well-known/oauth-protected-resource/far'],
    ]);
  });

  it('are URLs to the gateway, whatever stands behind them', () => {
    expect(endpoints.servers.map(({ backendUrl }) => backendUrl)).toEqual(['http://backend-files:8080/mcp', 'http://backend-git:3000/', 'https://mcp.example.net/v1/mcp']);
  });

  it('publish the keys of signed identity headers, once, and only where a server gets such headers', () => {
    expect(endpoints.identityJwks).toEqual({ host: 'mcp.example.org', path: '/.well-known/drawbridge/jwks.json', url: 'https://mcp.example.org/.well-known/drawbridge/jwks.json' });
    expect(endpoints.documents).toContain('https://mcp.example.org/.well-known/drawbridge/jwks.json');
    expect(derive({}).identityJwks).toBeUndefined();
  });
});
