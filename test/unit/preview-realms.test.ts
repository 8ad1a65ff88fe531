import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../infra/config.ts';
import { deriveEndpoints } from '../../infra/endpoints.ts';
import { renderNginx } from '../../proxy/nginx.ts';
import { routeTable } from '../../proxy/routes.ts';
import { renderTunnel } from '../../proxy/tunnel.ts';
import { problemsOf } from '../support/config-problems.ts';

const withRealms = deriveEndpoints(parseConfig({ host: 'mcp.example.org', previewRealms: true }));
const without = deriveEndpoints(parseConfig({ host: 'mcp.example.org' }));
const issuer = 'https://shared.example.org/auth/realms/preview-pr-1';
const shared = { profile: 'local', realm: 'preview-pr-1', authorizationServer: { issuer, keycloakOf: 'shared' } };

/** The locations of nginx that are regular expressions, as nginx reads them. */
const locations = [...renderNginx({ endpoints: withRealms, network: 'bridge', upstreams: { server: 'http://server:8080', authorizationServer: 'http://keycloak:8080' }, hsts: true }).serving.matchAll(/location ~ "?(\^[^"\s]+)"? \{([^]*?)\n {4}\}/g)].map(
  ([, pattern = '', body = '']) => ({ pattern: new RegExp(pattern), target: /proxy_pass (\S+);/.exec(body)?.[1] }),
);
const byNginx = (path: string) => locations.find(({ pattern }) => pattern.test(path));
const byTunnel = (path: string) => renderTunnel(withRealms, 1).ingress.find((rule) => rule.path === undefined || new RegExp(rule.path, 'u').test(path))!.service !== 'http_status:404';

describe('a stack whose Keycloak has the realms of previews', () => {
  it.each([
    ['/auth/realms/preview-pr-1/protocol/openid-connect/token', 'http://keycloak:8080/auth/realms/preview-$wildcard/protocol/openid-connect/token$is_args$args'],
    ['/.well-known/oauth-authorization-server/auth/realms/preview-pr-1', 'http://keycloak:8080/auth/.well-known/oauth-authorization-server/realms/preview-$wildcard$is_args$args'],
    ['/auth/realms/preview-7/clients-registrations/openid-connect', 'http://keycloak:8080/auth/realms/preview-$wildcard/clients-registrations/openid-connect$is_args$args'],
    ['/auth/realms/preview-pr-1/login-actions/authenticate', 'http://keycloak:8080$uri$is_args$args'],
  ])('lets %s through, to where Keycloak has it', (path, target) => {
    expect(byNginx(path)?.target).toBe(target);
    expect(byTunnel(path)).toBe(true);
  });

  it.each([
    ['the master realm', '/auth/realms/master/protocol/openid-connect/token'],
    ['a realm of another name', '/auth/realms/other/protocol/openid-connect/token'],
    ['a realm that only ends like one', '/auth/realms/x-preview-1/protocol/openid-connect/token'],
    ['a name over a slash', '/auth/realms/preview-a/b/protocol/openid-connect/token'],
    ['no name at all', '/auth/realms/preview-/protocol/openid-connect/token'],
    ['a name with a dot', '/auth/realms/preview-../protocol/openid-connect/token'],
    ['capitals', '/auth/realms/preview-A/protocol/openid-connect/token'],
    ['the account console', '/auth/realms/preview-pr-1/account/'],
    ['the admin API', '/auth/admin/realms/preview-pr-1'],
    ['other kinds of registration', '/auth/realms/preview-pr-1/clients-registrations/default'],
    ['what follows an endpoint', '/auth/realms/preview-pr-1/protocol/openid-connect/token/introspect'],
    ['a provider’s tokens', '/auth/realms/preview-pr-1/broker/github/token'],
  ])('does not let %s through', (_, path) => {
    expect(byNginx(path)).toBeUndefined();
    expect(byTunnel(path)).toBe(false);
  });

  it('lets none through unless the config says so', () => {
    expect(routeTable(without).filter(({ path }) => path.includes('preview'))).toEqual([]);
    expect(routeTable(withRealms)).toEqual(expect.arrayContaining(routeTable(without)));
  });

  it('names no document that nobody can ask for', () => {
    expect(withRealms.documents).toEqual(without.documents);
  });
});

describe('a stack with its realm in the Keycloak of another', () => {
  it('has that one’s issuer, finds the keys of its own realm inside the network, and knows where its realm is for clients', () => {
    const endpoints = deriveEndpoints(parseConfig(shared));
    expect(endpoints.issuer).toEqual({
      issuer,
      metadataUrls: ['https://shared.example.org/.well-known/oauth-authorization-server/auth/realms/preview-pr-1', 'https://shared.example.org/.well-known/openid-configuration/auth/realms/preview-pr-1', `${issuer}/.well-known/openid-configuration`],
    });
    const realmPath = '/auth/realms/preview-pr-1';
    expect(endpoints.realmElsewhere).toEqual({
      baseUrl: 'https://shared.example.org/auth',
      basePath: '/auth',
      issuer,
      jwksUrl: `${issuer}/protocol/openid-connect/certs`,
      jwksPath: `${realmPath}/protocol/openid-connect/certs`,
      metadataUrl: endpoints.issuer!.metadataUrls[0],
      exactPaths: ['auth', 'token', 'certs', 'userinfo', 'revoke', 'logout'].map((endpoint) => `${realmPath}/protocol/openid-connect/${endpoint}`),
      registrationPath: `${realmPath}/clients-registrations/openid-connect`,
    });
    expect(endpoints.authorizationServer).toBeUndefined();
  });

  it('may have that one on loopback, in profile local, and accounts and scopes like those of a Keycloak of its own', () => {
    expect(problemsOf({ ...shared, authorizationServer: { issuer: 'https://localhost:8443/auth/realms/preview-pr-1', keycloakOf: 'shared' }, users: [{ username: 'ann', email: 'ann@example.org' }] })).toEqual([]);
    expect(problemsOf({ ...shared, servers: [{ name: 'mcp', path: '/mcp', scopes: ['openid'] }] })).toEqual([expect.stringMatching(/^servers\[0\]\.scopes lists openid/)]);
  });

  it.each([
    ['a realm that the other front lets nobody through to', { ...shared, realm: 'main' }, /^realm must begin with preview-/],
    ['the issuer of another realm', { ...shared, realm: 'preview-pr-2' }, /^authorizationServer\.issuer is not that of the realm preview-pr-2/],
    ['introspection besides', { ...shared, authorizationServer: { issuer, keycloakOf: 'shared', introspection: { clientId: 'x', clientSecret: { secret: 's' } } }, secrets: { s: 'x' } }, /^authorizationServer\.introspection is for an authorization server of your own/],
    ['a stack of no name', { ...shared, authorizationServer: { issuer, keycloakOf: '../x' } }, /^authorizationServer\.keycloakOf is no name of a stack/],
    ['realms of others in a Keycloak that it has not', { ...shared, previewRealms: true }, /^previewRealms are in the Keycloak of the stack/],
    ['realms of others without any', { profile: 'local', auth: 'none', previewRealms: true }, /^previewRealms are in the Keycloak of the stack/],
  ])('does not have %s', (_, raw, message) => {
    expect(problemsOf(raw)).toEqual([expect.stringMatching(message)]);
  });
});
