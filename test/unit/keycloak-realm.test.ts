import { describe, expect, test } from 'vitest';
import { knownClients, knownHosts } from '../../keycloak/known-clients.ts';
import { desiredRealm, type RealmInput } from '../../keycloak/realm.ts';

const files = { name: 'files', resource: 'https://mcp.example.org/files', scopes: ['files:read', 'files:write'] };
const mail = { name: 'mail', resource: 'https://mcp.example.org/mail', scopes: ['mail:read'] };
const realm = (input: Partial<RealmInput> = {}) => desiredRealm({ realm: 'main', servers: [files], ...input });

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
  test('each scope appears in the token and, in words, on the consent page', () => {
    expect(realm().scopes.map(({ attributes }) => attributes?.['consent.screen.text'])).toEqual(['Use files (files:read)', 'Use files with files:write']);
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
    expect(realm().settings).toMatchObject({ accessTokenLifespan: 300, offlineSessionIdleTimeout: 2_592_000, offlineSessionMaxLifespan: 7_776_000 });
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
  test('what a client names must be on a host of a known client; where it calls from does not matter', () => {
    expect(policy('Trusted Hosts')!.config).toEqual({
      'host-sending-registration-request-must-match': ['false'],
      'client-uris-must-match': ['true'],
      'trusted-hosts': [
        ...['127.0.0.1', 'anysphere.cursor-mcp', 'chatgpt.com', 'claude.ai', 'claude.com', 'code.visualstudio.com', 'cursor.com', 'github.com'],
        ...['insiders.vscode.dev', 'localhost', 'openai.com', 'vscode.dev', 'www.cursor.com'],
      ],
    });
  });
  test('a client that registered itself needs consent, gets no roles, and there are at most 200', () => {
    expect(policy('Consent Required')).toBeDefined();
    expect(policy('Full Scope Disabled')).toBeDefined();
    expect(policy('Max Clients Limit')!.config).toEqual({ 'max-clients': ['200'] });
  });
  test('it gets the realm’s scopes, whichever it names, so that it can step up later (keycloak#50807)', () => {
    expect(policy('Sign-in Only')!.providerId).toBe('drawbridge-sign-in-only');
    expect(realm().replacedRegistrationPolicies).toEqual(['Allowed Client Scopes']);
  });
  test('no known client has a wildcard in a redirect URI, and plain HTTP is for loopback', () => {
    for (const uri of Object.values(knownClients).flatMap(({ redirectUris }) => redirectUris)) {
      expect(uri).not.toContain('*');
      if (uri.startsWith('http:')) expect(['localhost', '127.0.0.1']).toContain(new URL(uri).hostname);
    }
  });
  test('only the clients given count', () => {
    expect(knownHosts({ own: { redirectUris: ['https://app.example.org/cb', 'https://app.example.org/cb2'], pageHosts: ['example.org'] } })).toEqual(['app.example.org', 'example.org']);
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
    expect(users).toEqual([{ username: 'demo', email: 'demo@example.org', firstName: 'Demo', lastName: 'User', enabled: true, emailVerified: true }]);
  });
  test('the data is plain JSON, and the same for the same input', () => {
    expect(JSON.parse(JSON.stringify(realm()))).toEqual(realm());
  });
});
