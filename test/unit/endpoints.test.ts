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
    expect(endpoints.authorizationServer.issuer).toBe('https://mcp.example.org/auth/realms/main');
    expect(endpoints.authorizationServer.jwksUrl).toBe('https://mcp.example.org/auth/realms/main/protocol/openid-connect/certs');
  });

  it('insert the path of the resource after the well-known part (RFC 9728 §3.1), and serve the root as well', () => {
    expect(endpoints.servers[0]!.metadataUrl).toBe('https://mcp.example.org/.well-known/oauth-protected-resource/mcp');
    expect(endpoints.servers[0]!.metadataPaths).toEqual(['/.well-known/oauth-protected-resource/mcp', '/.well-known/oauth-protected-resource']);
  });

  it('serve authorization server metadata wherever a client looks for it (RFC 8414 §3.1, OpenID Discovery §4, MCP 2025-03-26)', () => {
    expect(endpoints.authorizationServer.metadataPaths.map(({ path }) => path)).toEqual([
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
  expect(endpoints.authorizationServer.issuer).toBe('https://auth.example.org/auth/realms/main');
});

it('names the port in profile local only, where it is not 443', () => {
  expect(deriveEndpoints(parseConfig({ profile: 'local' })).servers[0]!.resource).toBe('https://localhost:8443/mcp');
});
