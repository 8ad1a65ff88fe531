import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../infra/config.ts';
import { problemsOf } from '../support/config-problems.ts';

const secrets = { key: 'a-client-secret' };
const registered = { clientId: 'drawbridge', clientSecret: { secret: 'key' } };
const oidc = (more: object = {}) => ({ identityProviders: { oidc: { ...registered, issuer: 'https://login.example.net', ...more } }, secrets });
const github = (more: object = {}) => ({ identityProviders: { github: { ...registered, ...more } }, secrets });

describe('identityProviders', () => {
  it.each([
    ['none, which is the default', {}],
    ['GitHub', github()],
    ['GitHub Enterprise Server', github({ baseUrl: 'https://github.example.org', apiUrl: 'https://github.example.org/api/v3' })],
    ['Google, one Workspace of it', { identityProviders: { google: { ...registered, hostedDomain: 'example.org', trustEmail: true } }, secrets }],
    ['any OpenID Connect provider', oidc({ name: 'Example', hosts: ['api.example.net'], usernameClaim: 'sub', trustEmail: true })],
    ['one on a network of one’s own', oidc({ issuer: 'http://login.internal:8080/' })],
    ['all three', { identityProviders: { github: registered, google: registered, oidc: oidc().identityProviders.oidc }, secrets }],
  ])('may be %s', (_, raw) => {
    expect(problemsOf(raw)).toEqual([]);
  });

  it('an address at a provider is not trusted unless the config says so', () => {
    const { identityProviders } = parseConfig({ profile: 'local', identityProviders: { google: registered, oidc: oidc().identityProviders.oidc }, secrets });
    expect([identityProviders.google!.trustEmail, identityProviders.oidc!.trustEmail]).toEqual([false, false]);
  });

  it.each([
    ['a provider that is unknown', { identityProviders: { gitlab: registered }, secrets }, /^identityProviders\.gitlab is no provider that is known: use github, google, or oidc/],
    ['a provider without its client id', { identityProviders: { github: { clientSecret: { secret: 'key' } } }, secrets }, /^identityProviders\.github\.clientId is missing: the provider shows it/],
    ['a secret that stands in the config itself', { identityProviders: { github: { clientId: 'a', clientSecret: 'planted' } }, secrets }, /^identityProviders\.github\.clientSecret is no \{secret: name\}/],
    ['a secret that is not there', { identityProviders: { github: { clientId: 'a', clientSecret: { secret: 'other' } } }, secrets }, /^identityProviders\.github\.clientSecret names the secret other, which drawbridge:secrets does not have: `pulumi config set/],
    ['trust in addresses of GitHub, which need not be verified', github({ trustEmail: true }), /^identityProviders\.github\.trustEmail is not a known key/],
    ['half of a GitHub Enterprise Server', github({ baseUrl: 'https://github.example.org' }), /^identityProviders\.github has one of baseUrl and apiUrl: .* needs both/],
    ['an issuer in clear text on the internet', oidc({ issuer: 'http://login.example.net' }), /^identityProviders\.oidc\.issuer must be https/],
    ['an issuer that is Keycloak’s own container', oidc({ issuer: 'https://localhost:9000' }), /^identityProviders\.oidc\.issuer is Keycloak’s own container/],
    ['an issuer that is no URL', oidc({ issuer: 'login.example.net' }), /^identityProviders\.oidc\.issuer is no http or https URL/],
    ['the address of an issuer’s metadata', oidc({ issuer: 'https://login.example.net/tenant/.well-known/openid-configuration' }), /^identityProviders\.oidc\.issuer is the address of its metadata: cut off \/\.well-known\/openid-configuration$/],
    ['an issuer with a password in it', oidc({ issuer: 'https://a:planted@login.example.net' }), /^identityProviders\.oidc\.issuer has a user or a password in it/],
    ['a host that is a URL', oidc({ hosts: ['https://api.example.net'] }), /^identityProviders\.oidc\.hosts\[0\] is no host name/],
    ['two buttons that say the same', { identityProviders: { github: registered, oidc: oidc({ name: 'GitHub' }).identityProviders.oidc }, secrets }, /^identityProviders\.oidc\.name is what the button of github says/],
    ['two buttons that look the same', { identityProviders: { github: registered, oidc: oidc({ name: 'Git Hub' }).identityProviders.oidc }, secrets }, /^identityProviders\.oidc\.name is what the button of github says/],
    ['a button with blanks around what it says', { identityProviders: { github: registered, oidc: oidc({ name: 'GitHub ' }).identityProviders.oidc }, secrets }, /^identityProviders\.oidc\.name is empty, or begins, ends/],
    ['an issuer that stands for many hosts', oidc({ issuer: 'https://*.example.org' }), /^identityProviders\.oidc\.issuer names no host: \*\.example\.org/],
    ['an issuer that is several entries of a list', oidc({ issuer: 'https://x,y;http$(id).example.org' }), /^identityProviders\.oidc\.issuer names no host/],
    ['providers without a Keycloak', { ...github(), authorizationServer: { issuer: 'https://login.example.net' } }, /^identityProviders are for the Keycloak of the stack, and authorizationServer is your own/],
    ['providers where nobody signs in', { ...github(), auth: 'bearer' }, /^identityProviders are for the Keycloak of the stack, and auth is bearer/],
  ])('refuses %s, and says what to do', (_, raw, message) => {
    const problems = problemsOf(raw);
    expect(problems).toEqual([expect.stringMatching(message)]);
    expect(problems.join()).not.toContain('planted');
  });
});
