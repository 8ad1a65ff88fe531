import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../infra/config.ts';
import { deriveEndpoints } from '../../infra/endpoints.ts';
import { renderNginx } from '../../proxy/nginx.ts';
import { routeTable } from '../../proxy/routes.ts';
import { type IngressRule, renderTunnel } from '../../proxy/tunnel.ts';

const endpointsOf = (raw: Record<string, unknown>) => deriveEndpoints(parseConfig(raw));
const paths = endpointsOf({ host: 'mcp.example.org' });
const subdomains = endpointsOf({ host: 'example.org', layout: 'subdomains', identityProviders: { github: { clientId: 'x', clientSecret: { secret: 'github' } } }, secrets: { github: 'x' } });

/** As cloudflared does it: the rules in their order, the host as it stands, the pattern anywhere in the decoded path. */
function ruleFor(rules: readonly IngressRule[], url: string): IngressRule {
  const [, host, path] = /^https:\/\/([^/]+)(\/[^?]*)/.exec(url)!;
  const decoded = decodeURIComponent(path!);
  return rules.find((rule) => (rule.hostname === undefined || rule.hostname === host) && (rule.path === undefined || new RegExp(rule.path, 'u').test(decoded)))!;
}
const reaches = (endpoints: typeof paths, url: string) => ruleFor(renderTunnel(endpoints, 18086).ingress, url).service !== 'http_status:404';

describe('the ingress rules of a tunnel', () => {
  it('are the route table, each route to the front on loopback, and 404 for all else', () => {
    const { ingress } = renderTunnel(endpointsOf({ host: 'mcp.example.org', registration: 'closed' }), 18086);
    const service = 'http://127.0.0.1:18086';
    const below = '(?:[A-Za-z0-9_~@-][A-Za-z0-9._~@-]*(?:/|$))*$';
    const openid = '^/auth/realms/main/protocol/openid-connect';
    expect(ingress).toEqual([
      ...[
        '^/mcp$',
        '^/mcp/$',
        '^/\\.well-known/oauth-protected-resource/mcp$',
        '^/\\.well-known/oauth-protected-resource$',
        '^/\\.well-known/oauth-authorization-server/auth/realms/main$',
        '^/\\.well-known/openid-configuration/auth/realms/main$',
        '^/auth/realms/main/\\.well-known/openid-configuration$',
        '^/\\.well-known/oauth-authorization-server$',
        ...['auth', 'token', 'certs', 'userinfo', 'revoke', 'logout'].map((name) => `${openid}/${name}$`),
        `${openid}/logout/${below}`,
        `^/auth/realms/main/login-actions/${below}`,
        `^/auth/resources/${below}`,
      ].map((path) => ({ hostname: 'mcp.example.org', path, service })),
      { service: 'http_status:404' },
    ]);
  });

  it.each([paths, subdomains])('let every route through, on its own host alone ($hosts)', (endpoints) => {
    for (const route of routeTable(endpoints))
      for (const host of endpoints.hosts) {
        const path = route.match === 'exact' ? route.path : `${route.path}5x1yk/login/keycloak.v2/css/styles.css`;
        const expected = routeTable(endpoints).some((other) => other.host === host && other.path === route.path);
        expect(reaches(endpoints, `https://${host}${path}`), `${host}${path}`).toBe(expected);
        expect(reaches(endpoints, `https://${host}${path}?code=/auth/admin/`), `${host}${path}?`).toBe(expected);
      }
  });

  it.each([
    ['the root', '/'],
    ['the admin console', '/auth/admin/'],
    ['its page', '/auth/admin/master/console/'],
    ['the admin API', '/auth/admin/realms/main/users'],
    ['the master realm', '/auth/realms/master/protocol/openid-connect/token'],
    ['the account console', '/auth/realms/main/account/'],
    ['metrics', '/auth/metrics'],
    ['metrics of the gateway', '/metrics'],
    ['health', '/auth/health/ready'],
    ['an undeclared grant endpoint', '/auth/realms/main/protocol/openid-connect/token/introspect'],
    ['what is below the MCP path', '/mcp/x'],
    ['a path that ends like a public one', '/x/mcp'],
    ['a path that begins like one', '/mcp2'],
    ['another character for a dot', '/xwell-known/oauth-protected-resource'],
    ['upper case', '/MCP'],
    ['two slashes', '//mcp'],
    ['two slashes below a prefix', '/auth/resources//x'],
    ['a parameter', '/mcp;x'],
    ['a parameter below a prefix', '/auth/resources/x;/../admin'],
    ['dots below a prefix', '/auth/resources/../admin/'],
    ['encoded dots', '/auth/resources/%2e%2e/admin/'],
    ['an encoded slash', '/auth/resources/..%2fadmin/'],
    ['dots after an encoded slash', '/auth/resources/x%2f..%2f..%2fadmin'],
    ['one dot', '/auth/resources/./x'],
    ['encoded letters', '/auth/%61dmin/'],
    ['a percent sign, encoded', '/auth/resources/%252e%252e/admin/'],
    ['an encoded question mark', '/mcp%3fx'],
    ['an encoded hash', '/mcp%23'],
    ['a line feed at the end', '/mcp%0a'],
    ['a NUL', '/auth/resources/x%00'],
    ['a backslash', '/auth/resources/..%5cadmin'],
    ['a letter that only looks like one', '/auth/resources/%ef%bc%8e%ef%bc%8e/admin'],
  ])('stop %s at the connector: %s', (_, path) => {
    for (const endpoints of [paths, subdomains]) for (const host of endpoints.hosts) expect(reaches(endpoints, `https://${host}${path}`), host).toBe(false);
  });

  it.each(['example.org', 'mcp.example.org.evil.net', 'evil-mcp.example.org', 'x.mcp.example.org', 'mcpxexample.org', 'localhost', '127.0.0.1'])('know no host but the public names: %s', (host) => {
    expect(reaches(paths, `https://${host}/mcp`)).toBe(false);
  });

  // The connector decodes before it looks, so that its rules cannot tell these from the paths as they should be.
  it.each(['/%6dcp', '/mcp%2f', '/auth%2fresources/x', '/auth/resources/%78', '/%2ewell-known/oauth-protected-resource'])('leave to the front what is spelled in another way, which refuses it: %s', (path) => {
    const { serving } = renderNginx({ endpoints: paths, network: 'host', connectorPort: 1, upstreams: { server: 'http://127.0.0.1:2', authorizationServer: 'http://127.0.0.1:3' }, hsts: true });
    // PCRE's possessive quantifiers, which JavaScript has not, only save time here.
    const plain = new RegExp(/"~(.*)" 1;/.exec(serving)![1]!.replaceAll('++', '+').replaceAll('*+', '*'));
    expect([reaches(paths, `https://mcp.example.org${path}`), plain.test(path), plain.test(decodeURIComponent(path))]).toEqual([true, false, true]);
  });

  it('are of signs that mean the same to Go and to JavaScript', () => {
    const below = '(?:[A-Za-z0-9_~@-][A-Za-z0-9._~@-]*(?:/|$))*$';
    for (const { path } of [paths, subdomains].flatMap((endpoints) => renderTunnel(endpoints, 1).ingress.slice(0, -1))) expect(path!.replace(below, '$')).toMatch(/^\^(?:[A-Za-z0-9/_-]|\\\.)+\$$/);
  });

  it('go over connections that the connector gives up before a front that drains ends them', () => {
    expect(renderTunnel(paths, 1).originRequest).toEqual({ keepAliveTimeout: 5 });
  });
});
