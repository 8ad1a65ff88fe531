import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../infra/config.ts';
import { deriveEndpoints } from '../../infra/endpoints.ts';
import { firstSignIn } from '../../keycloak/first-sign-in.ts';
import { desiredIdentityProviders, hostsOf, type IdentityProviders } from '../../keycloak/identity-providers.ts';
import { routeTable } from '../../proxy/routes.ts';

const github = { clientId: 'gh' };
const google = { clientId: 'gg', trustEmail: false };
const oidc = { clientId: 'oc', issuer: 'https://login.example.net/', hosts: ['api.example.net'], usernameClaim: 'preferred_username', trustEmail: false };
const desired = (providers: IdentityProviders) => desiredIdentityProviders(providers, 'https://login.example.net/metadata');

describe('identity providers as Keycloak is to have them', () => {
  it('none by default', () => {
    expect(desired({})).toEqual([]);
  });

  it('no address that a provider tells of counts as verified, unless the config says so; GitHub’s never does', () => {
    const trusted = (providers: IdentityProviders) => desired(providers).map(({ representation }) => representation.trustEmail);
    expect(trusted({ github, google, oidc })).toEqual([false, false, false]);
    expect(trusted({ github, google: { ...google, trustEmail: true }, oidc: { ...oidc, trustEmail: true } })).toEqual([false, true, true]);
  });

  it('a trusted address comes from the ID token, as the word does on whether it is verified', () => {
    for (const trustEmail of [true, false]) expect(desired({ oidc: { ...oidc, trustEmail } })[0]!.representation.config.disableUserInfo).toBe(String(trustEmail));
  });

  it('names are of our mapper, which takes ASCII only', () => {
    for (const { username } of desired({ github, google, oidc })) expect(username.identityProviderMapper).toBe('drawbridge-username');
  });

  it('names carry the provider, so that none is the name of somebody else’s account', () => {
    expect(desired({ github, google, oidc: { ...oidc, usernameClaim: 'sub' } }).map(({ username }) => username.config)).toEqual([
      { syncMode: 'IMPORT', target: 'LOCAL', template: '${ALIAS}.${CLAIM.login}' },
      { syncMode: 'IMPORT', target: 'LOCAL', template: '${ALIAS}.${CLAIM.email}' },
      { syncMode: 'IMPORT', target: 'LOCAL', template: '${ALIAS}.${CLAIM.sub}' },
    ]);
  });

  it('every first sign-in goes through the flow that asks for proof, and PKCE is used on the way (RFC 7636)', () => {
    for (const { representation } of desired({ github, google, oidc }))
      expect(representation).toMatchObject({ firstBrokerLoginFlowAlias: firstSignIn.flow, linkOnly: false, storeToken: false, config: { pkceEnabled: 'true', pkceMethod: 'S256', syncMode: 'IMPORT' } });
  });

  it('ID tokens are verified with the provider’s own keys', () => {
    expect(desired({ oidc })[0]).toMatchObject({
      representation: { providerId: 'oidc', displayName: 'login.example.net', config: { issuer: 'https://login.example.net/', validateSignature: 'true', useJwksUrl: 'true' } },
      discovery: { url: 'https://login.example.net/metadata', issuer: 'https://login.example.net/', hosts: ['login.example.net', 'api.example.net'] },
    });
  });

  it('no secret is in the data', () => {
    expect(JSON.stringify(desired({ github, google, oidc }))).not.toMatch(/secret":/i);
  });
});

describe('a first sign-in', () => {
  it('links to an account that is there after its password, and by no other way', () => {
    expect(firstSignIn.steps).toMatchObject({
      'idp-review-profile': 'DISABLED',
      'idp-confirm-link': 'DISABLED',
      'idp-email-verification': 'DISABLED',
      'idp-username-password-form': 'REQUIRED',
      'First broker login - Conditional 2FA': 'CONDITIONAL',
    });
  });
});

describe('what a client can have a person asked to do, by `kc_action`', () => {
  it('changes neither who the person is, nor how they sign in elsewhere, and takes nothing away', () => {
    expect(firstSignIn.requiredActions).toEqual(Object.fromEntries(['VERIFY_PROFILE', 'UPDATE_PROFILE', 'UPDATE_EMAIL', 'idp_link', 'delete_account', 'delete_credential'].map((action) => [action, false])));
  });
});

describe('hosts that Keycloak itself asks', () => {
  it.each<[string, IdentityProviders, string[]]>([
    ['nobody’s', {}, []],
    ['GitHub’s', { github }, ['github.com', 'api.github.com']],
    ['those of GitHub Enterprise Server', { github: { ...github, baseUrl: 'https://git.example.org', apiUrl: 'https://git.example.org/api/v3' } }, ['git.example.org', 'git.example.org']],
    ['Google’s', { google }, ['oauth2.googleapis.com', 'openidconnect.googleapis.com', 'www.googleapis.com']],
    ['the issuer’s and those listed', { oidc }, ['login.example.net', 'api.example.net']],
  ])('are %s', (_, providers, hosts) => {
    expect(hostsOf(providers)).toEqual(hosts);
  });
});

describe('the way to a provider and back', () => {
  const registered = { clientId: 'a', clientSecret: { secret: 's' } };
  const endpoints = (identityProviders: object) => deriveEndpoints(parseConfig({ host: 'mcp.example.org', identityProviders, secrets: { s: 'x' } }));
  const brokered = (identityProviders: object) => routeTable(endpoints(identityProviders)).flatMap(({ match, path, kind }) => (path.includes('/broker') ? [`${match} ${kind} ${path}`] : []));

  it('is open for the providers of the config alone, path by path: below a prefix were their tokens', () => {
    expect(brokered({})).toEqual([]);
    expect(brokered({ github: registered })).toEqual([
      'exact sign-in /auth/realms/main/broker/github/login',
      'exact sign-in /auth/realms/main/broker/github/endpoint',
      'exact sign-in /auth/realms/main/broker/after-first-broker-login',
    ]);
  });

  it('ends at a callback URL that the provider is told, below the issuer', () => {
    const { authorizationServer } = endpoints({ github: registered, oidc: { ...registered, issuer: 'https://login.example.net/tenant/' } });
    expect(authorizationServer!.identityProviders).toEqual({
      github: { callbackUrl: 'https://mcp.example.org/auth/realms/main/broker/github/endpoint' },
      oidc: { callbackUrl: 'https://mcp.example.org/auth/realms/main/broker/oidc/endpoint', discoveryUrl: 'https://login.example.net/tenant/.well-known/openid-configuration' },
    });
  });
});
