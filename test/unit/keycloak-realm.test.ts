import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { consentText } from '../../keycloak/consent.ts';
import { knownClients } from '../../keycloak/known-clients.ts';
import { desiredRealm, type RealmInput } from '../../keycloak/realm.ts';
import { sessions } from '../support/default-sessions.ts';

const files = { name: 'files', resource: 'https://mcp.example.org/files', scopes: ['files:read', 'files:write'] };
const mail = { name: 'mail', resource: 'https://mcp.example.org/mail', scopes: ['mail:read'] };
const realm = (input: Partial<RealmInput> = {}) => desiredRealm({ realm: 'main', servers: [files], sessions, ...input });

/** Audience that a scope puts into a token. */
const audience = (name: string, input?: Partial<RealmInput>) =>
  realm(input).scopes.find((scope) => scope.name === name)?.protocolMappers?.map(({ config }) => (config as Record<string, string>)['included.custom.audience']);

describe('scopes', () => {
  test('each scope puts the exact resource URL of its server, and nothing else, into the audience', () => {
    const servers = [files, mail];
    expect(audience('files:read', { servers })).toEqual(['https://mcp.example.org/files']);
    expect(audience('files:write', { servers })).toEqual(['https://mcp.example.org/files']);
    expect(audience('mail:read', { servers })).toEqual(['https://mcp.example.org/mail']);
  });
  test('the audience goes into access tokens and not into ID tokens', () => {
    const [mapper] = realm().scopes[0]!.protocolMappers!;
    expect(mapper).toMatchObject({ protocolMapper: 'oidc-audience-mapper', config: { 'access.token.claim': 'true', 'id.token.claim': 'false' } });
  });
  test('what a server has to know of a person goes with its base scope, into access tokens and not to the client', () => {
    const found = realm({ servers: [{ ...files, claims: ['groups', 'email'] }, mail] }).scopes;
    expect(found.map(({ name, protocolMappers }) => [name, ...protocolMappers!.map((mapper) => mapper.name)])).toEqual([['files:read', 'audience', 'groups', 'email', 'email verified'], ['files:write', 'audience'], ['mail:read', 'audience']]);
    const [, groups, email, verified] = found[0]!.protocolMappers!;
    expect(groups).toMatchObject({ protocolMapper: 'oidc-group-membership-mapper', config: { 'claim.name': 'groups', 'full.path': 'false' } });
    expect(email).toMatchObject({ protocolMapper: 'oidc-usermodel-attribute-mapper', config: { 'user.attribute': 'email', 'claim.name': 'email' } });
    expect(verified).toMatchObject({ protocolMapper: 'oidc-usermodel-property-mapper', config: { 'user.attribute': 'emailVerified', 'claim.name': 'email_verified', 'jsonType.label': 'boolean' } });
    for (const mapper of [groups, email, verified]) expect(mapper).toMatchObject({ config: { 'access.token.claim': 'true', 'id.token.claim': 'false', 'userinfo.token.claim': 'false', 'introspection.token.claim': 'true' } });
  });
  test('each scope appears in the token and, in words, on the consent page', () => {
    expect(realm().scopes.map(({ attributes }) => attributes?.['consent.screen.text'])).toEqual(files.scopes.map((scope) => consentText(files, scope)));
    for (const { attributes } of realm().scopes) expect(attributes).toMatchObject({ 'include.in.token.scope': 'true', 'display.on.consent.screen': 'true' });
  });
  test('the base scope of the only server is given without being asked for, further scopes are not', () => {
    expect(realm().assignment.default).toContain('files:read');
    expect(realm().assignment.optional).toContain('files:write');
    expect(realm().assignment.default).not.toContain('files:write');
  });
  test('with several servers no token is good for a server that was not asked for', () => {
    const { assignment } = realm({ servers: [files, mail] });
    expect(assignment.default.filter((scope) => scope.includes(':'))).toEqual([]);
    expect(assignment.optional).toEqual(expect.arrayContaining(['files:read', 'files:write', 'mail:read']));
  });
  test('offline access is there to be asked for', () => {
    expect(realm().assignment.optional).toContain('offline_access');
  });
  test('Keycloak’s own roles stay out of the tokens', () => {
    expect(realm().assignment.none).toContain('roles');
  });
});

describe('settings', () => {
  test('nobody signs up, passwords cannot be guessed at leisure, refresh tokens rotate', () => {
    expect(realm().settings).toMatchObject({ registrationAllowed: false, bruteForceProtected: true, revokeRefreshToken: true, refreshTokenMaxReuse: 1 });
  });
  test('an access token lives for minutes, a sign-in for weeks', () => {
    const [hour, day] = [3_600, 86_400];
    expect(realm().settings).toMatchObject({ accessTokenLifespan: 600, offlineSessionIdleTimeout: 30 * day, offlineSessionMaxLifespanEnabled: true, offlineSessionMaxLifespan: 90 * day });
    expect(realm().settings).toMatchObject({ ssoSessionIdleTimeout: 12 * hour, ssoSessionMaxLifespan: 7 * day });
  });
  test('lifetimes and the number of reuses are those that were chosen', () => {
    const chosen = { accessToken: 1, idle: 2, maximum: 3, browserIdle: 4, browserMaximum: 5, refreshTokenMaxReuse: 0 } as const;
    const expected = { accessTokenLifespan: 1, offlineSessionIdleTimeout: 2, offlineSessionMaxLifespan: 3, ssoSessionIdleTimeout: 4, ssoSessionMaxLifespan: 5, revokeRefreshToken: true, refreshTokenMaxReuse: 0 };
    expect(realm({ sessions: chosen }).settings).toMatchObject(expected);
  });
  test('a password has 12 characters or more, is neither name nor address, is none of the last ones and none that everyone tries', () => {
    expect(realm().settings.passwordPolicy).toBe('length(12) and maxLength(128) and notUsername(undefined) and notEmail(undefined) and passwordHistory(3) and passwordBlacklist(common-passwords.txt)');
    // Keycloak compares in small letters.
    for (const password of readFileSync('keycloak/common-passwords.txt', 'utf8').trimEnd().split('\n')) expect(password).toMatch(/^[^A-Z]{12,128}$/);
  });
  test('events go to the log; the database, which strangers could fill with failed sign-ins, keeps none', () => {
    expect(realm().settings).toMatchObject({ eventsListeners: ['jboss-logging'], eventsEnabled: false, adminEventsEnabled: false, adminEventsDetailsEnabled: false });
  });
  test('Keycloak goes by its own flows', () => {
    expect(realm().settings).toMatchObject({ browserFlow: 'browser', registrationFlow: 'registration', directGrantFlow: 'direct grant', resetCredentialsFlow: 'reset credentials', clientAuthenticationFlow: 'clients' });
  });
  test('the sign-in pages are ours, load nothing from elsewhere and cannot be framed', () => {
    const { loginTheme, browserSecurityHeaders } = realm().settings;
    expect(loginTheme).toBe('drawbridge');
    const policy = browserSecurityHeaders as Record<string, string>;
    expect(policy.contentSecurityPolicy).toMatch(/^default-src 'none';.*frame-ancestors 'none'/);
    expect(policy.contentSecurityPolicy).not.toMatch(/https?:|\*/);
  });
  test('the sign-in page names the host that is signed in to', () => {
    expect(realm().settings.displayName).toBe('mcp.example.org');
  });
});

describe('client policy', () => {
  test('every client must use PKCE with S256, and may use neither implicit nor password grant', () => {
    const { policies, profiles } = realm();
    expect(policies).toEqual([expect.objectContaining({ enabled: true, conditions: [{ condition: 'any-client', configuration: {} }], profiles: ['drawbridge'] })]);
    expect(profiles[0]!.executors!.map(({ executor }) => executor)).toEqual(['pkce-enforcer', 'reject-implicit-grant', 'reject-ropc-grant']);
  });
});

describe('registration', () => {
  const policy = (name: string) => realm().registrationPolicies.find((entry) => entry.name === name);
  const { claude, chatgpt } = knownClients;
  const config = (input: Partial<RealmInput>) => realm(input).registrationPolicies.find(({ name }) => name === 'Sign-in Only')!.config as Record<string, string[]>;
  test('a registration may name the redirect URIs of the clients given, and no others', () => {
    expect(config({ clients: [claude, chatgpt] })).toMatchObject({
      open: ['true'],
      'redirect-uris': ['https://claude.ai/api/mcp/auth_callback', 'https://claude.com/api/mcp/auth_callback', 'https://chatgpt.com/connector_platform_oauth_redirect'],
      'redirect-uri-stems': ['https://chatgpt.com/connector/oauth/'],
    });
    expect(config({})).toMatchObject({ 'redirect-uris': [], 'redirect-uri-stems': [] });
  });
  test('closed, Keycloak refuses each of them, whoever reaches it', () => {
    expect(config({ registration: 'closed' })).toMatchObject({ open: ['false'] });
  });
  test('a flood cannot fill the realm: there is a limit, and what nobody signs in through goes after minutes', () => {
    expect(config({})).toMatchObject({ 'max-clients': ['1000'], 'settling-seconds': ['300'], 'unused-seconds': ['7776000'] });
  });
  test('a client that registered itself needs consent and gets no roles', () => {
    expect(policy('Consent Required')).toBeDefined();
    expect(policy('Full Scope Disabled')).toBeDefined();
  });
  test('it gets no mapper of its own: what tokens say is the realm’s', () => {
    expect(policy('Allowed Protocol Mapper Types')).toMatchObject({ providerId: 'allowed-protocol-mappers', config: { 'allowed-protocol-mapper-types': [] } });
  });
  test('it gets the realm’s scopes, whichever it names, so that it can step up later (keycloak#50807)', () => {
    expect(policy('Sign-in Only')!.providerId).toBe('drawbridge-sign-in-only');
    expect(realm().replacedRegistrationPolicies).toContain('Allowed Client Scopes');
  });
  test('no known client has a wildcard in a redirect URI, and plain HTTP is for loopback', () => {
    for (const uri of Object.values(knownClients).flatMap(({ redirectUris, redirectUriStems = [] }) => [...redirectUris, ...redirectUriStems])) {
      expect(uri).not.toContain('*');
      if (uri.startsWith('http:')) expect(['localhost', '127.0.0.1']).toContain(new URL(uri).hostname);
    }
  });
});

describe('what is there only when asked for', () => {
  test('no client and no user by default', () => {
    expect(realm().clients).toEqual([]);
    expect(realm().users).toEqual([]);
  });
  test('a pre-registered client is public, asks for consent, and has the code flow with S256 alone', () => {
    const [client] = realm({ clients: [{ clientId: 'drawbridge', name: 'Drawbridge', redirectUris: ['http://127.0.0.1/callback'] }] }).clients;
    expect(client).toMatchObject({
      clientId: 'drawbridge',
      publicClient: true,
      standardFlowEnabled: true,
      implicitFlowEnabled: false,
      directAccessGrantsEnabled: false,
      serviceAccountsEnabled: false,
      fullScopeAllowed: false,
      consentRequired: true,
      redirectUris: ['http://127.0.0.1/callback'],
      attributes: { 'pkce.code.challenge.method': 'S256' },
    });
  });
  test('a demo user has no password in the data', () => {
    const { users } = realm({ demoUser: { username: 'demo', email: 'demo@example.org', firstName: 'Demo', lastName: 'User' } });
    const account = { username: 'demo', email: 'demo@example.org', firstName: 'Demo', lastName: 'User', enabled: true, emailVerified: true, requiredActions: [] };
    expect(users).toEqual([{ account, groups: [], oneTimePassword: false }]);
  });
  test('whoever the config names gets an account, with a password that has to be changed at the first sign-in', () => {
    const { users } = realm({ users: [{ username: 'ann', email: 'ann@example.org', groups: ['developers'] }] });
    const account = { username: 'ann', email: 'ann@example.org', enabled: true, emailVerified: true, requiredActions: ['UPDATE_PASSWORD'] };
    expect(users).toEqual([{ account, groups: ['developers'], oneTimePassword: true }]);
  });
  test('the data is plain JSON, and the same for the same input', () => {
    expect(JSON.parse(JSON.stringify(realm()))).toEqual(realm());
  });
});
