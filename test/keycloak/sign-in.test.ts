import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { knownClients } from '../../keycloak/known-clients.ts';
import { desiredRealm } from '../../keycloak/realm.ts';
import { sessions } from '../support/default-sessions.ts';
import { FormBrowser, pkce } from '../support/form-browser.ts';
import { type KeycloakPlace, runApplier, startKeycloak } from './room.ts';

const RESOURCE = 'https://mcp.example.org/mcp';
const login = { username: 'demo', password: 'demo-password' };
const desired = desiredRealm({
  realm: 'main',
  sessions,
  servers: [{ name: 'mcp', resource: RESOURCE, scopes: ['mcp:read', 'mcp:write'] }],
  clients: Object.values(knownClients),
  demoUser: { username: login.username, email: 'demo@example.org', firstName: 'Demo', lastName: 'User' },
});

interface Metadata {
  issuer: string;
  authorization_endpoint: string;
  token_endpoint: string;
  registration_endpoint: string;
}
interface TokenAnswer {
  status: number;
  access_token: string;
  refresh_token: string;
  scope: string;
  error?: string;
}
interface Client {
  client_id: string;
  redirect_uris: string[];
}

let place: KeycloakPlace;
let metadata: Metadata;

beforeAll(async () => {
  place = await startKeycloak();
  const input = { url: place.url, desired, bootstrap: place.bootstrap, applier: { clientId: 'drawbridge-applier', clientSecret: 'applier-secret' }, userPasswords: { demo: login.password } };
  expect(await runApplier(input)).toMatchObject({ exitCode: 0, stderr: '' });
  metadata = (await (await fetch(`${place.url}/realms/main/.well-known/openid-configuration`)).json()) as Metadata;
});
afterAll(() => place?.remove());

async function register(body: object): Promise<{ status: number; client: Client }> {
  const response = await fetch(metadata.registration_endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], ...body }),
  });
  return { status: response.status, client: (await response.json()) as Client };
}

async function token(parameters: Record<string, string>): Promise<TokenAnswer> {
  const response = await fetch(metadata.token_endpoint, { method: 'POST', body: new URLSearchParams(parameters) });
  return { status: response.status, ...((await response.json()) as Omit<TokenAnswer, 'status'>) };
}

interface SignIn {
  scope?: string;
  redirectUri?: string;
  /** Replaces or removes parameters of the authorization request. */
  parameters?: Record<string, string>;
}

async function requestCode(client: Client, { scope, redirectUri = client.redirect_uris[0]!, parameters = {} }: SignIn = {}) {
  const { verifier, challenge } = pkce();
  const query = { response_type: 'code', client_id: client.client_id, redirect_uri: redirectUri, state: 's', resource: RESOURCE, code_challenge: challenge, code_challenge_method: 'S256', ...(scope ? { scope } : {}), ...parameters };
  const browser = new FormBrowser(login);
  const answer = await browser.authorize(`${metadata.authorization_endpoint}?${new URLSearchParams(query)}`, redirectUri);
  return { answer, pages: browser.pages, exchange: { grant_type: 'authorization_code', code: answer.get('code') ?? '', redirect_uri: redirectUri, code_verifier: verifier, client_id: client.client_id } };
}

async function signIn(client: Client, options: SignIn = {}): Promise<TokenAnswer> {
  const { answer, exchange } = await requestCode(client, options);
  return answer.has('code') ? token(exchange) : { status: 0, access_token: '', refresh_token: '', scope: '', error: answer.get('error') ?? 'no code' };
}

const refresh = (client: Client, { refresh_token }: TokenAnswer) => token({ grant_type: 'refresh_token', refresh_token, client_id: client.client_id });
const claims = ({ access_token }: TokenAnswer) => JSON.parse(Buffer.from(access_token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
const scopes = ({ scope }: TokenAnswer) => scope.split(' ').filter((name) => name !== 'profile').sort();

/** What each client sends when it registers itself (RFC 7591). */
const registrations: Record<string, object> = {
  Claude: { client_name: 'Claude', client_uri: 'https://claude.ai', redirect_uris: ['https://claude.ai/api/mcp/auth_callback'], scope: 'mcp:read offline_access' },
  'Claude of an older trace': { client_name: 'Claude', redirect_uris: ['https://claude.ai/api/mcp/auth_callback'], scope: 'claudeai' },
  'Claude Code': { client_name: 'Claude Code', redirect_uris: ['http://localhost:54545/callback'] },
  ChatGPT: { client_name: 'ChatGPT', redirect_uris: ['https://chatgpt.com/connector/oauth/abc'], token_endpoint_auth_method: 'client_secret_basic' },
  'VS Code': {
    client_name: 'Visual Studio Code',
    client_uri: 'https://code.visualstudio.com',
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    redirect_uris: ['https://insiders.vscode.dev/redirect', 'https://vscode.dev/redirect', 'http://127.0.0.1/', 'http://127.0.0.1:33418/'],
    application_type: 'native',
  },
  Cursor: { client_name: 'Cursor', redirect_uris: ['cursor://anysphere.cursor-mcp/oauth/callback', 'https://www.cursor.com/agents/mcp/oauth/callback', 'http://localhost:8787/callback'] },
  'MCP Inspector': { client_name: 'MCP Inspector', client_uri: 'https://github.com/modelcontextprotocol/inspector', redirect_uris: ['http://127.0.0.1:6274/oauth/callback'], scope: 'openid mcp:read' },
  'mcp-remote': { client_name: 'MCP CLI Proxy', client_uri: 'https://github.com/modelcontextprotocol/mcp-cli', redirect_uris: ['http://localhost:19876/oauth/callback'], software_id: 'x' },
};

describe('registration (RFC 7591)', () => {
  test.each(Object.keys(registrations))('%s can register itself', async (name) => {
    expect((await register(registrations[name]!)).status).toBe(201);
  });
  test('under a name that the database does not keep gets 400, not 500', async () => {
    for (const client_name of ['a\0b', '\0', 'x'.repeat(256)]) expect((await register({ ...registrations.Claude!, client_name })).status).toBe(400);
  });
  test('a page may read the answer from another origin', async () => {
    const response = await fetch(metadata.registration_endpoint, { method: 'OPTIONS', headers: { origin: 'http://127.0.0.1:6274', 'access-control-request-method': 'POST' } });
    expect(response.headers.get('access-control-allow-origin')).toBe('http://127.0.0.1:6274');
  });
});

describe('sign-in', () => {
  let claude: Client;
  beforeAll(async () => {
    claude = (await register(registrations.Claude!)).client;
  });

  test('the token has the exact audience and issuer, names the person, and has the scopes asked for', async () => {
    const answer = await signIn(claude, { scope: 'mcp:read offline_access' });
    expect(claims(answer)).toMatchObject({ aud: RESOURCE, iss: metadata.issuer, typ: 'Bearer', azp: claude.client_id, preferred_username: 'demo', sub: expect.any(String) });
    expect(scopes(answer)).toEqual(['mcp:read', 'offline_access']);
  });
  test('the authorization response names the issuer (RFC 9207)', async () => {
    expect((await requestCode(claude)).answer.get('iss')).toBe(metadata.issuer);
  });
  test('a client that registered with the scopes of the first challenge can step up', async () => {
    expect(scopes(await signIn(claude, { scope: 'mcp:read mcp:write' }))).toEqual(['mcp:read', 'mcp:write']);
  });
  test('a client that asks for no scope gets a token for the one server', async () => {
    const answer = await signIn(claude);
    expect(claims(answer).aud).toBe(RESOURCE);
    expect(scopes(answer)).toEqual(['mcp:read']);
  });
  test('a scope that the realm does not have is refused', async () => {
    expect((await signIn(claude, { scope: 'mcp:admin' })).error).toBe('invalid_scope');
  });
  test('a code works once', async () => {
    const { exchange } = await requestCode(claude);
    expect((await token(exchange)).status).toBe(200);
    expect((await token(exchange)).error).toBe('invalid_grant');
  });
  test.each([
    ['plain PKCE', { code_challenge_method: 'plain' }],
    ['no PKCE', { code_challenge: '', code_challenge_method: '' }],
    ['the implicit grant', { response_type: 'token', nonce: 'n' }],
  ])('%s is refused', async (_, parameters) => {
    expect((await requestCode(claude, { parameters })).answer.get('code')).toBeNull();
  });
  test('no client can trade a password for a token', async () => {
    for (const client_id of ['admin-cli', claude.client_id]) {
      const answer = await token({ grant_type: 'password', client_id, ...login });
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.access_token).toBeUndefined();
    }
  });
  test('the pre-registered loopback client uses any port (RFC 8252 §7.3) and only its own path', async () => {
    const client = { client_id: 'claude-code', redirect_uris: ['http://127.0.0.1:40123/callback'] };
    expect((await signIn(client, { scope: 'mcp:read offline_access' })).status).toBe(200);
    expect((await requestCode(client, { redirectUri: 'http://127.0.0.1:40123/other' })).answer.get('error')).toBe('page 400');
  });
});

describe('what a client can have a person do before any consent (kc_action)', () => {
  const actions = ['UPDATE_PROFILE', 'VERIFY_PROFILE', 'UPDATE_EMAIL', 'idp_link:github', 'delete_account', 'delete_credential:x'];
  test.each(actions)('is not %s: the sign-in goes on without it', async (kc_action) => {
    const { client } = await register(registrations.Claude!);
    const { answer, pages } = await requestCode(client, { parameters: { kc_action } });
    expect(answer.get('code')).toBeTruthy();
    // The sign-in page and the consent page.
    expect(pages).toHaveLength(2);
  });
});

describe('a client that registers itself', () => {
  test('is told the same `sub` of a person as every other, whichever kind it asks for', async () => {
    const subjects = [];
    for (const more of [{}, { subject_type: 'pairwise' }]) subjects.push(claims(await signIn((await register({ ...registrations.Claude!, ...more })).client, { scope: 'mcp:read' })).sub);
    expect(subjects[1]).toBe(subjects[0]);
  });
  test.each(['\u3164\u2800', '\u115f\uffa0', '\u0301', '…'])('and calls itself what nobody can read (%j) is shown by its id', async (client_name) => {
    const { client } = await register({ ...registrations.Claude!, client_name });
    const { pages } = await requestCode(client);
    expect(/id="client-name">([^<]*)</.exec(pages.at(-1)!)?.[1]).toBe(client.client_id);
  });
});

describe('refresh', () => {
  let client: Client;
  let first: TokenAnswer;
  beforeAll(async () => {
    client = (await register(registrations.Claude!)).client;
  });
  const start = async () => (first = await signIn(client, { scope: 'mcp:read offline_access' }));

  test('rotates, and keeps audience and scopes', async () => {
    const second = await refresh(client, await start());
    expect(second.refresh_token).not.toBe(first.refresh_token);
    expect(claims(second).aud).toBe(RESOURCE);
    expect(scopes(second)).toEqual(scopes(first));
  });
  test('an answer lost on the way does not cost the sign-in: the token works once more', async () => {
    await refresh(client, await start());
    const again = await refresh(client, first);
    expect(again.status).toBe(200);
    expect((await refresh(client, again)).status).toBe(200);
  });
  test('a third use is refused and ends the sign-in', async () => {
    const second = await refresh(client, await start());
    await refresh(client, first);
    expect((await refresh(client, first)).error).toBe('invalid_grant');
    expect((await refresh(client, second)).error).toBe('invalid_grant');
  });
  test('of two successors only the first that is used stays good: a thief is found out', async () => {
    const own = await refresh(client, await start());
    const stolen = await refresh(client, first);
    // Keycloak compares the times in seconds.
    await delay(1100);
    expect((await refresh(client, own)).status).toBe(200);
    expect((await refresh(client, stolen)).error).toBe('invalid_grant');
  });
});
