import { describe, expect, it } from 'vitest';
import { parseConfig, warningsOf } from '../../infra/config.ts';
import { problemsOf } from '../support/config-problems.ts';

const long = 'a-token-that-is-long-enough-1234567';

describe('auth', () => {
  it.each([
    ['oauth with the Keycloak of the stack', { auth: 'oauth', authorizationServer: 'keycloak' }],
    ['oauth with an authorization server that is there already', { authorizationServer: { issuer: 'https://login.example.net/' } }],
    ['oauth with one that is asked about tokens', { authorizationServer: { issuer: 'https://login.example.net', introspection: { clientId: 'gw', clientSecret: { secret: 's' } } }, secrets: { s: 'x' } }],
    ['oauth with one on a network of one’s own', { authorizationServer: { issuer: 'http://login.internal:8080/realms/x' } }],
    ['bearer with a token of the stack’s own', { auth: 'bearer' }],
    ['bearer with tokens of the config', { auth: 'bearer', bearerTokens: { ci: { secret: 'ci' }, 'ann@example.org': { secret: 'ann' } }, secrets: { ci: long, ann: `${long}2` } }],
    ['bearer with a token that is still encrypted', { auth: 'bearer', bearerTokens: { ci: { secret: 'ci' } }, secrets: { ci: { secure: 'AAA=' } } }],
    ['none', { auth: 'none' }],
  ])('may be %s', (_, raw) => {
    expect(problemsOf(raw)).toEqual([]);
  });

  it.each([
    ['of another kind', { auth: 'basic' }, /^auth is none of: oauth, bearer, none/],
    ['bearer tokens without auth bearer', { bearerTokens: { ci: { secret: 'ci' } }, secrets: { ci: long } }, /^bearerTokens is for auth: bearer, and auth is oauth/],
    ['a bearer token that is no secret', { auth: 'bearer', bearerTokens: { ci: long } }, /^bearerTokens\.ci is no \{secret: name\}/],
    ['a bearer token whose secret is not there', { auth: 'bearer', bearerTokens: { ci: { secret: 'ci' } } }, /^bearerTokens\.ci names the secret ci, which drawbridge:secrets does not have/],
    ['two bearer tokens that are one', { auth: 'bearer', bearerTokens: { a: { secret: 'ci' }, b: { secret: 'ci' } }, secrets: { ci: long } }, /^bearerTokens\.b is the secret of a too/],
    ['a bearer token with a name that is none', { auth: 'bearer', bearerTokens: { 'a b': { secret: 'ci' } }, secrets: { ci: long } }, /^bearerTokens\.a b must be letters/],
    ['an authorization server without oauth', { auth: 'bearer', authorizationServer: { issuer: 'https://login.example.net' } }, /^authorizationServer is for auth: oauth, and auth is bearer/],
    ['an authorization server of no kind', { authorizationServer: 'okta' }, /^authorizationServer is neither keycloak nor \{issuer/],
    ['an issuer that is no URL', { authorizationServer: { issuer: 'login.example.net' } }, /^authorizationServer\.issuer is no http or https URL/],
    ['an issuer with a query (RFC 8414 §2)', { authorizationServer: { issuer: 'https://login.example.net/?t=1' } }, /^authorizationServer\.issuer must have no query/],
    ['the address of an issuer’s metadata', { authorizationServer: { issuer: 'https://login.example.net/.well-known/openid-configuration' } }, /^authorizationServer\.issuer is the address of its metadata: cut off \/\.well-known/],
    ['an issuer in clear text', { authorizationServer: { issuer: 'http://login.example.net' } }, /^authorizationServer\.issuer must be https/],
    ['an issuer that is the gateway itself', { authorizationServer: { issuer: 'https://localhost:9000' } }, /^authorizationServer\.issuer is the gateway’s own container/],
    ['introspection without its secret', { authorizationServer: { issuer: 'https://login.example.net', introspection: { clientId: 'gw', clientSecret: { secret: 's' } } } }, /^authorizationServer\.introspection\.clientSecret names the secret s/],
  ])('refuses %s', (_, raw, message) => {
    expect(problemsOf(raw)).toEqual([expect.stringMatching(message)]);
  });

  it.each(['short-token-of-31-characters-xx', `${long} with spaces`, `${long}\n`])('refuses the bearer token %j, says why, and does not show it', (token) => {
    const [problem, ...others] = problemsOf({ auth: 'bearer', bearerTokens: { ci: { secret: 'key' } }, secrets: { key: token } });
    expect(others).toEqual([]);
    expect(problem).toMatch(/^bearerTokens\.ci is the secret key, which must be at least 32 letters.*openssl rand/);
    expect(problem).not.toContain(token.slice(0, 12));
  });

  it('none is allowed and warned about, the others are not', () => {
    expect(warningsOf(parseConfig({ host: 'mcp.example.org', auth: 'none' }))).toEqual([expect.stringMatching(/^DANGEROUS: drawbridge:auth is none\. Whoever reaches mcp\.example\.org can use every tool.*Set it to oauth\.$/)]);
    for (const auth of ['oauth', 'bearer']) expect(warningsOf(parseConfig({ profile: 'local', auth }))).toEqual([]);
  });
});

describe('an allow-list', () => {
  const servers = [{ name: 'a', path: '/a', scopes: ['a'], allowlist: { groups: ['ops'], caseSensitive: true } }, { name: 'b', path: '/b', scopes: ['b'] }];

  it('is for every server but those that have their own', () => {
    expect(parseConfig({ profile: 'local', servers, allowlist: { domains: ['example.org'] } }).servers.map(({ allowlist }) => allowlist)).toEqual([
      { users: [], groups: ['ops'], domains: [], caseSensitive: true },
      { users: [], groups: [], domains: ['example.org'], caseSensitive: false },
    ]);
    expect(parseConfig({ profile: 'local', allowlist: {} }).servers[0]!.allowlist).toBeUndefined();
  });

  it.each([
    ['that lets nobody in', { allowlist: { caseSensitive: true } }, /^allowlist lets nobody in: list users, groups or domains/],
    ['that lets nobody in', { servers: [{ name: 'a', path: '/a', allowlist: {} }] }, /^servers\[0\]\.allowlist lets nobody in/],
    ['with an @ in a domain', { allowlist: { domains: ['@example.org'] } }, /^allowlist\.domains\[0\] is no domain.*without an @/],
    ['with nobody to check', { auth: 'none', allowlist: { users: ['ann'] } }, /^allowlist has nobody to check, since auth is none/],
    ['that names no token', { auth: 'bearer', allowlist: { users: ['ann'] } }, /^allowlist lets nobody in, since auth is bearer.*list some of drawbridge under users/],
    ['of groups, which tokens have not', { auth: 'bearer', servers: [{ name: 'a', path: '/a', allowlist: { groups: ['ops'] } }] }, /^servers\[0\]\.allowlist lets nobody in, since auth is bearer/],
    ['of a server with nobody to check', { auth: 'none', servers: [servers[0]] }, /^servers\[0\]\.allowlist has nobody to check/],
  ])('%s is refused', (_, raw, message) => {
    expect(problemsOf(raw)).toEqual([expect.stringMatching(message)]);
  });
});

describe('an allow-list of static tokens', () => {
  it('may name the token that the stack makes, or those of the config', () => {
    expect(problemsOf({ auth: 'bearer', allowlist: { users: ['Drawbridge'] } })).toEqual([]);
    expect(problemsOf({ auth: 'bearer', bearerTokens: { ci: { secret: 'ci' } }, secrets: { ci: 'x'.repeat(32) }, allowlist: { users: ['ci'] } })).toEqual([]);
  });
});

describe('secrets', () => {
  const secrets = { github: 'planted-value-of-github', broken: 12345678 };

  it('are no part of the config', () => {
    const config = parseConfig({ profile: 'local', secrets: { github: secrets.github } });
    expect(JSON.stringify(config)).not.toContain('planted');
    expect(config).not.toHaveProperty('secrets');
  });

  it('are no part of a message', () => {
    const message = problemsOf({ secrets, auth: 'bearer', bearerTokens: { a: { secret: 'github' }, b: { secret: 'planted' } } }).join('\n');
    expect(message).toContain('secrets.broken is no text: put it in quotes');
    expect(message).not.toMatch(/planted-value|12345678/);
  });
});
