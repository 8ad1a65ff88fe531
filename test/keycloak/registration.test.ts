import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { knownClients } from '../../keycloak/known-clients.ts';
import { desiredRealm, type RealmInput } from '../../keycloak/realm.ts';
import { sessions } from '../support/default-sessions.ts';
import { FormBrowser, pkce } from '../support/form-browser.ts';
import { type KeycloakPlace, runApplier, startKeycloak } from './room.ts';

const login = { username: 'demo', password: 'demo-password' };
const redirectUri = 'http://localhost:4000/callback';
const accepted = ['https://claude.ai/api/mcp/auth_callback', 'https://chatgpt.com/connector/oauth/aB3_x-9', 'http://127.0.0.1:5/callback', 'http://localhost:65535/callback', 'http://localhost/callback'];
// Keycloak's six, the applier's, the three that are switched on, and the five that the tests above leave.
const ROOM = 10 + accepted.length + 5;

let place: KeycloakPlace;
let endpoint: (name: string) => string;
let registrationEndpoint: string;

beforeAll(async () => {
  place = await startKeycloak({ environment: { KC_SPI_CLIENT_REGISTRATION_POLICY__DRAWBRIDGE_SIGN_IN_ONLY__SWEEP_SECONDS: '1' } });
  endpoint = (name) => `${place.url}/realms/main/protocol/openid-connect/${name}`;
  registrationEndpoint = `${place.url}/realms/main/clients-registrations/openid-connect`;
  await bring({});
});
afterAll(() => place?.remove());

/** Applies the realm, with some values of the registration policy in their place. */
async function bring(values: Record<string, string>, input: Partial<RealmInput> = {}): Promise<void> {
  const clients = [knownClients['claude-code'], knownClients.claude, knownClients.chatgpt];
  const desired = desiredRealm({ realm: 'main', clients, sessions, servers: [{ name: 'mcp', resource: 'https://mcp.example.org/mcp', scopes: ['mcp:read'] }], demoUser: { username: login.username, email: 'demo@example.org', firstName: 'Demo', lastName: 'User' }, ...input });
  const changed = Object.fromEntries(Object.entries({ 'max-clients': String(ROOM), 'settling-seconds': '3', ...values }).map(([key, value]) => [key, [value]]));
  const registrationPolicies = desired.registrationPolicies.map((policy) => (policy.name === 'Sign-in Only' ? { ...policy, config: { ...policy.config, ...changed } } : policy));
  const run = { url: place.url, desired: { ...desired, registrationPolicies }, bootstrap: place.bootstrap, applier: { clientId: 'drawbridge-applier', clientSecret: 'applier-secret' }, userPasswords: { demo: login.password } };
  expect(await runApplier(run)).toMatchObject({ exitCode: 0, stderr: '' });
}

async function register(redirect_uris = [redirectUri]): Promise<{ status: number; client_id: string; error?: string; error_description?: string }> {
  const answer = await fetch(registrationEndpoint, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ client_name: 'x', redirect_uris, token_endpoint_auth_method: 'none' }) });
  return { status: answer.status, ...((await answer.json()) as { client_id: string }) };
}

async function signIn(client_id: string, scope: string): Promise<{ refresh_token: string }> {
  const { verifier, challenge } = pkce();
  const query = new URLSearchParams({ response_type: 'code', client_id, redirect_uri: redirectUri, scope, code_challenge: challenge, code_challenge_method: 'S256' });
  const code = (await new FormBrowser(login).authorize(`${endpoint('auth')}?${query}`, redirectUri)).get('code')!;
  return token({ grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier, client_id });
}
const token = async (parameters: Record<string, string>) => (await (await fetch(endpoint('token'), { method: 'POST', body: new URLSearchParams(parameters) })).json()) as { refresh_token: string };

/** Whether Keycloak shows a sign-in page for the client. */
async function isKnown(client_id: string, redirect_uri = redirectUri): Promise<boolean> {
  const query = new URLSearchParams({ response_type: 'code', client_id, redirect_uri, code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' });
  return (await fetch(`${endpoint('auth')}?${query}`)).status === 200;
}

const until = (truth: () => Promise<boolean>) => expect.poll(truth, { timeout: 20_000, interval: 500 }).toBe(true);

// RFC 9700 §2.1. What Keycloak, a browser and a person would each read in their own way.
const refused = [
  'https://claude.ai/*', 'http://localhost/*', '*', '', '/callback',
  // Other hosts.
  'https://evil.example/callback', 'https://claude.ai.evil.example/api/mcp/auth_callback', 'https://evilclaude.ai/api/mcp/auth_callback', 'https://evil.claude.ai/api/mcp/auth_callback',
  'https://claude.ai@evil.example/api/mcp/auth_callback', 'https://claude.ai:x@evil.example/api/mcp/auth_callback', 'https://evil.example\\@claude.ai/api/mcp/auth_callback',
  'https://claude.ai\\.evil.example/api/mcp/auth_callback', 'https://claude.ai%2eevil.example/api/mcp/auth_callback', 'https://claude.ai%00.evil.example/', 'https://claude.ai\t.evil.example/',
  'http://localhost:1@evil.example/callback', 'http://localhost:43113@evil.example/callback', 'http://127.0.0.1.evil.example/callback', 'http://localhost.evil.example:80/callback',
  // Other ports, schemes and cases.
  'https://claude.ai:8443/api/mcp/auth_callback', 'https://claude.ai:443/api/mcp/auth_callback', 'http://claude.ai/api/mcp/auth_callback', 'HTTPS://CLAUDE.AI/api/mcp/auth_callback', 'https://claude.ai./api/mcp/auth_callback',
  'http://LOCALHOST:43113/callback', 'https://localhost:43113/callback', 'http://0.0.0.0:43113/callback', 'http://127.0.0.2:43113/callback', 'http://127.1:43113/callback', 'http://localhost:99999/callback', 'http://localhost:0/callback',
  'javascript:alert(1)', 'data:text/html,x', 'cursor://evil/oauth/callback', 'evil://anysphere.cursor-mcp/oauth/callback',
  // Other paths.
  'https://claude.ai/', 'https://claude.ai/api/mcp/auth_callback/', 'https://claude.ai/api/mcp/auth_callback/..', 'https://claude.ai/api/mcp/auth_callback/../../../redirect', 'https://claude.ai/API/mcp/auth_callback',
  'https://claude.ai/api/mcp/%61uth_callback', 'https://claude.ai/x/%2e%2e/api/mcp/auth_callback', 'https://claude.ai//api/mcp/auth_callback', 'https://claude.ai/api/mcp/auth_callback;x', 'https://claude.ai/api/mcp/auth_callback?next=https://evil.example',
  'https://claude.ai/api/mcp/auth_callback#x', 'https://claude.ai/api/mcp/auth_callback ', 'https://claude.ai/api/mcp/auth_callback\r\nLocation: https://evil.example',
  'http://localhost:43113/callback/..', 'http://localhost:43113/callback?x=1', 'http://localhost:43113/other', 'http://localhost:43113/%63allback', 'http://localhost:43113/callback/../other',
  'https://chatgpt.com/connector/oauth/', 'https://chatgpt.com/connector/oauth/a/b', 'https://chatgpt.com/connector/oauth/..', 'https://chatgpt.com/connector/oauth/a%2fb', 'https://chatgpt.com/connector/oauth/a?x', 'https://chatgpt.com/backend/oauth/a',
];

/** Clients that registered first, and that nobody signs in through. */
const early: string[] = [];
const remaining = async () => (await Promise.all(early.map((id, index) => isKnown(id, accepted[index])))).filter(Boolean).length;

describe('a registration', () => {
  test('that names a redirect URI of no client that is switched on gets 400 invalid_redirect_uri (RFC 7591 §3.2.2), alone and beside a good one', async () => {
    const answers = await Promise.all(refused.flatMap((uri) => [[uri], [redirectUri, uri]]).map(async (uris) => [uris, await register(uris)] as const));
    for (const [uris, answer] of answers) expect(answer, uris.join(' ')).toMatchObject({ status: 400, error: 'invalid_redirect_uri' });
  });
  test('is told which one it was, unless that is markup', async () => {
    expect((await register([redirectUri, 'https://app.example.org/callback'])).error_description).toMatch(/, and https:\/\/app\.example\.org\/callback is not\.$/);
    expect((await register(['https://<script>alert(1)</script>'])).error_description).toBe('Each redirect URI must be exactly one of a client that may connect here.');
  });
  test('that names a port of loopback after the other gets the same: a stranger would fill the realm with them', async () => {
    const ports = (count: number) => Array.from({ length: count }, (_, index) => `http://localhost:${index + 1}/callback`);
    expect(await register(ports(11))).toMatchObject({ status: 400, error: 'invalid_redirect_uri', error_description: 'A client may have 10 redirect URIs at most.' });
  });
  test('that names none gets the same', async () => {
    expect(await register([])).toMatchObject({ status: 400, error: 'invalid_redirect_uri' });
  });
  test.each(accepted)('may name %s', async (uri) => {
    const answer = await register([uri]);
    expect(answer.status).toBe(201);
    early.push(answer.client_id);
  });
});

describe('a flood of registrations', () => {
  let used: string, consented: string, refresh_token: string;

  test('fills the realm, and takes the place of no client that is minutes old or less', async () => {
    [used, consented] = [(await register()).client_id, (await register()).client_id];
    ({ refresh_token } = await signIn(used, 'mcp:read offline_access'));
    const left = await signIn(consented, 'mcp:read');
    await fetch(endpoint('logout'), { method: 'POST', body: new URLSearchParams({ client_id: consented, refresh_token: left.refresh_token }) });
    await bring({ 'settling-seconds': '3600' });
    await Promise.all([register(), register(), register()]);
    expect(await register()).toMatchObject({ status: 503, error: 'temporarily_unavailable' });
    expect(await remaining()).toBe(accepted.length);
  });

  test('ends where it began: whoever comes later can register, the oldest that nobody signed in through goes', async () => {
    await bring({});
    await delay(4_100);
    expect((await register()).status).toBe(201);
    // A tenth of the room at once.
    expect(await remaining()).toBe(accepted.length - 2);
  });

  test('goes on, and no client in use, consented to or pre-registered is lost', async () => {
    const statuses: number[] = [];
    for (let round = 0; round < 3; round++) {
      await delay(4_100);
      statuses.push(...(await Promise.all([register(), register(), register(), register()])).map(({ status }) => status));
    }
    // Concurrent registrations evict one after the other, and none fails for another.
    expect(statuses.every((status) => status === 201 || status === 503)).toBe(true);
    expect(statuses.filter((status) => status === 201).length).toBeGreaterThanOrEqual(3);
    const renewed = await token({ grant_type: 'refresh_token', refresh_token, client_id: used });
    expect(renewed.refresh_token).toBeTruthy();
    expect([await isKnown(used), await isKnown(consented), await isKnown('claude-code')]).toEqual([true, true, true]);
  });

  test('leaves registrations that go away by themselves once they have been unused for long; one that is signed in stays', async () => {
    await bring({ 'unused-seconds': '4' });
    await until(async () => !(await isKnown(consented)));
    expect(await isKnown(used)).toBe(true);
  });

  test('cannot be kept up by one person who signs in through each: theirs give way', async () => {
    await bring({ 'settling-seconds': '0' });
    for (let count = 0; count < ROOM; count++) {
      const { status, client_id } = await register();
      expect(status).toBe(201);
      await signIn(client_id, 'mcp:read');
    }
  }, 60_000);
});

describe('a client that is switched off', () => {
  test('cannot register itself, and what it had registered before goes', async () => {
    const { client_id } = await register();
    await bring({}, { clients: [knownClients.claude] });
    expect(await register()).toMatchObject({ status: 400, error: 'invalid_redirect_uri' });
    await until(async () => !(await isKnown(client_id)));
    expect(await isKnown('claude-code')).toBe(false);
    expect((await register(['https://claude.ai/api/mcp/auth_callback'])).status).toBe(201);
  });
});

describe('closed registration', () => {
  test('is closed in Keycloak too, not only in front of it', async () => {
    await bring({}, { registration: 'closed' });
    expect((await register()).status).toBe(403);
    expect(await isKnown('claude-code')).toBe(true);
  });
});
