import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { knownClients, type PublicClient } from '../../keycloak/known-clients.ts';
import { desiredRealm } from '../../keycloak/realm.ts';
import { sessions } from '../support/default-sessions.ts';
import { FormBrowser, pkce } from '../support/form-browser.ts';
import { type KeycloakPlace, runApplier, startKeycloak } from './room.ts';

const login = { username: 'demo', password: 'demo-password' };
const redirectUri = 'http://localhost:4000/callback';
const [FILES, MAIL] = ['https://mcp.example.org/files', 'https://mcp.example.org/mail'];
/** What a container calls the machine that the documents are on. */
const HOST = 'host.docker.internal';

let place: KeycloakPlace;
let vendor: Server;
let documents: string;
const fetched: string[] = [];

/** Metadata documents as their vendors write them, by path. */
const document = (path: string, changes: object = {}) => ({
  client_id: `${documents}${path}`,
  client_name: 'A vendor’s client',
  redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
  ...changes,
});
const published: Record<string, () => object> = {
  '/code': () => document('/code'),
  // Claude's own, as it lists its grant types.
  '/claude': () => document('/claude', { grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:jwt-bearer'] }),
  '/liar': () => document('/code'),
};

beforeAll(async () => {
  vendor = createServer((request, response) => {
    fetched.push(request.url!);
    response.setHeader('content-type', 'application/json').end(JSON.stringify(published[request.url!]?.() ?? {}));
  }).listen(0, '0.0.0.0');
  await new Promise((resolve) => vendor.once('listening', resolve));
  documents = `http://${HOST}:${(vendor.address() as AddressInfo).port}`;
  place = await startKeycloak({ features: ['cimd', 'resource-indicators'], outgoingHosts: [HOST] });
  const client: PublicClient = { ...knownClients['claude-code'], metadataDocument: `${documents}/code` };
  const desired = desiredRealm({
    realm: 'main',
    sessions,
    clients: [client],
    clientMetadata: { passesOverGrantTypes: false, allowHttp: true },
    resourceIndicators: true,
    servers: [{ name: 'files', resource: FILES!, scopes: ['files:read'] }, { name: 'mail', resource: MAIL!, scopes: ['mail:read'] }],
    demoUser: { username: login.username, email: 'demo@example.org', firstName: 'Demo', lastName: 'User' },
  });
  const input = { url: place.url, desired, bootstrap: place.bootstrap, applier: { clientId: 'drawbridge-applier', clientSecret: 'applier-secret' }, userPasswords: { demo: login.password } };
  expect(await runApplier(input)).toMatchObject({ exitCode: 0, stderr: '' });
  expect(JSON.parse((await runApplier(input)).stdout)).toMatchObject({ changes: [] });
});
afterAll(async () => {
  vendor?.close();
  await place?.remove();
});

async function signIn(client_id: string, parameters: Record<string, string> = {}, atToken = parameters.resource, browser = new FormBrowser(login)): Promise<{ access_token?: string; error?: string | null }> {
  const { verifier, challenge } = pkce();
  const endpoint = (name: string) => `${place.url}/realms/main/protocol/openid-connect/${name}`;
  const query = new URLSearchParams({ response_type: 'code', client_id, redirect_uri: redirectUri, scope: 'files:read', code_challenge: challenge, code_challenge_method: 'S256', ...parameters });
  const answer = await browser.authorize(`${endpoint('auth')}?${query}`, redirectUri);
  const code = answer.get('code');
  if (!code) return { error: answer.get('error') };
  const body = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier, client_id, ...(atToken && { resource: atToken }) });
  return (await (await fetch(endpoint('token'), { method: 'POST', body })).json()) as { access_token?: string };
}
const audience = ({ access_token = '' }) => (JSON.parse(Buffer.from(access_token.split('.')[1] ?? '', 'base64url').toString() || '{}') as { aud?: unknown }).aud;

describe('client id metadata documents', () => {
  test('are advertised as Claude looks for them', async () => {
    const metadata = (await (await fetch(`${place.url}/realms/main/.well-known/openid-configuration`)).json()) as Record<string, unknown>;
    expect(metadata).toMatchObject({ client_id_metadata_document_supported: true, token_endpoint_auth_methods_supported: expect.arrayContaining(['none']) });
  });
  test('a client that nobody registered signs in by the URL of its document, with a token for the server', async () => {
    expect(audience(await signIn(`${documents}/code`))).toBe(FILES);
    expect(fetched).toContain('/code');
  });
  test('the consent page names the host that the document is on, and does not say that the client registered itself', async () => {
    const browser = new FormBrowser(login);
    await signIn(`${documents}/code`, { scope: 'files:read mail:read' }, undefined, browser);
    const consent = browser.pages.find((page) => page.includes('name="accept"'));
    expect(consent).toContain(`<strong>${new URL(documents).host}</strong>`);
    expect(consent).not.toContain('registered itself');
  });
  test('Claude’s, which lists jwt-bearer, is refused by this version: why auto does not advertise them', async () => {
    expect((await signIn(`${documents}/claude`)).access_token).toBeUndefined();
    expect(fetched).toContain('/claude');
  });
  test('one that names another client is refused', async () => {
    expect((await signIn(`${documents}/liar`)).access_token).toBeUndefined();
  });
  test('none is fetched from a host of no client that is switched on (SSRF)', async () => {
    expect((await signIn(`${documents.replace(HOST, 'database')}/code`)).access_token).toBeUndefined();
    expect(await place.log()).not.toMatch(/Connection refused.*database/);
  });
});

describe('resource indicators (RFC 8707)', () => {
  test('the audience is the resource that was asked for', async () => {
    expect(audience(await signIn('claude-code', { resource: FILES! }))).toBe(FILES);
  });
  test('and that of the scopes without one', async () => {
    expect(audience(await signIn('claude-code'))).toBe(FILES);
  });
  test('with scopes of two servers, the token is for the one that was asked for', async () => {
    expect(audience(await signIn('claude-code', { scope: 'files:read mail:read', resource: MAIL! }))).toBe(MAIL);
  });
  test('a resource that is no server’s, or another at the token endpoint, is refused: invalid_target', async () => {
    expect((await signIn('claude-code', { resource: 'https://evil.example/mcp' })).error).toBe('invalid_target');
    expect((await signIn('claude-code', { resource: FILES! }, MAIL)).error).toBe('invalid_target');
  });
});
