import { describe, expect, it } from 'vitest';
import { authSettings } from '../../server/tokens/auth-settings.ts';

const issuer = 'https://as.example.org';
const metadataUrls = [`${issuer}/.well-known/oauth-authorization-server`];
const sha256 = 'a'.repeat(64);
const problems = (value: unknown) => authSettings.safeParse(value).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

describe('the auth settings', () => {
  it.each([
    { kind: 'jwks', issuer, jwksUrl: 'http://keycloak:8080/certs' },
    { kind: 'discovery', issuer, metadataUrls },
    { kind: 'introspection', issuer, metadataUrls, clientId: 'gateway', clientSecret: 'a secret' },
    { kind: 'bearer', tokens: [{ name: 'alice', sha256 }] },
    { kind: 'none' },
  ])('take the kind $kind, as it is written', (settings) => {
    expect(authSettings.parse(settings)).toEqual(settings);
  });

  it.each<[string, unknown, string[]]>([
    ['an unknown kind', { kind: 'basic' }, ['kind: has a kind other than jwks, discovery, introspection, bearer and none']],
    ['no kind', {}, ['kind: has a kind other than jwks, discovery, introspection, bearer and none']],
    ['a URL of another scheme', { kind: 'jwks', issuer, jwksUrl: 'file:///certs' }, ['jwksUrl: is no http or https URL']],
    ['no metadata URL', { kind: 'discovery', issuer, metadataUrls: [] }, ['metadataUrls: needs at least one URL']],
    ['an empty secret', { kind: 'introspection', issuer, metadataUrls, clientId: 'gateway', clientSecret: '' }, ['clientSecret: must not be empty']],
    ['no token', { kind: 'bearer', tokens: [] }, ['tokens: needs at least one token']],
    ['a token that is not hashed', { kind: 'bearer', tokens: [{ name: 'alice', sha256: 'secret' }] }, ['tokens.0.sha256: is no SHA-256 in lower-case hex']],
    ['a name and a token twice', { kind: 'bearer', tokens: [{ name: 'alice', sha256 }, { name: 'alice', sha256 }] }, ['tokens.1.name: is used by an earlier token', 'tokens.1.sha256: is used by an earlier token']],
    ['a key that does not belong to the kind', { kind: 'none', issuer }, [': Unrecognized key: "issuer"']],
  ])('refuse %s', (_what, settings, expected) => {
    expect(problems(settings)).toEqual(expected);
  });
});
