import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Diagnosis, examine, type Options } from '../../doctor/index.ts';
import { everyone, found, troubles } from '../support/doctor-findings.ts';
import { DoctorRoom, json } from '../support/doctor-room.ts';

let room: DoctorRoom;
beforeEach(async () => {
  room = await DoctorRoom.open();
});
afterEach(() => room.close());

const look = (options: Options = {}): Promise<Diagnosis> => examine(room.url, { listenSeconds: 0, ...options });
const registrations = () => room.requests.filter(({ method, path }) => method === 'POST' && path === '/auth/register');
const withDocuments = { client_id_metadata_document_supported: true };

describe('registration', () => {
  it('is not tried unless it is allowed, and that is said', async () => {
    const { notTried } = await look();
    expect(registrations()).toEqual([]);
    expect(notTried.map(({ option }) => option)).toContainEqual(expect.stringMatching(/^--register/));
  });

  it('is tried by each client as it does it, and deleted again (RFC 7592)', async () => {
    const diagnosis = await look({ register: true });
    expect(troubles(diagnosis)).toEqual([]);
    expect(registrations().map(({ body }) => (JSON.parse(body) as { client_name: string }).client_name).sort()).toEqual(['ChatGPT', 'Claude', 'Claude Code (doctor)', 'Cursor', 'MCP Inspector', 'Visual Studio Code']);
    expect(registrations().map(({ body }) => (JSON.parse(body) as { redirect_uris: string[] }).redirect_uris)).toContainEqual(['cursor://anysphere.cursor-mcp/oauth/callback', 'https://www.cursor.com/agents/mcp/oauth/callback', 'http://localhost:8787/callback']);
    expect(room.registered.size).toBe(0);
  });

  it('that cannot be deleted again is said', async () => {
    room.answer('/auth/register', (_, response) => json(response, 201, { client_id: 'left-behind' }));
    room.answer('/auth/authorize', (_, response) => void response.writeHead(200).end());
    expect(found(await look({ register: true, clients: ['cursor'] }), 'registration-left')).toMatchObject({ weight: 'note', remedies: ['Cursor: delete the client left-behind by hand, if it disturbs.'] });
  });

  it('is not deleted at a place of another host that the answer names', async () => {
    const other = await DoctorRoom.open();
    room.answer('/auth/register', (_, response) => json(response, 201, { client_id: 'known', registration_access_token: 'x', registration_client_uri: `${other.origin}/anything` }));
    await look({ register: true, clients: ['cursor'] });
    await other.close();
    expect(other.requests).toEqual([]);
  });

  it.each<[string, number, object, RegExp]>([
    ['Keycloak’s trusted hosts', 403, { error: 'insufficient_scope', error_description: "Policy 'Trusted Hosts' rejected request to client-registration service. Details: Host not trusted." }, /Host Sending Client Registration Request Must Match/],
    ['Keycloak’s allowed scopes', 403, { error: 'insufficient_scope', error_description: "Policy 'Allowed Client Scopes' rejected request to client-registration service. Details: Not permitted to use specified clientScope" }, /Allowed Client Scopes: list the scopes/],
    ['its redirect URI', 400, { error: 'invalid_redirect_uri' }, /redirect URIs: https:\/\/claude\.ai\/api\/mcp\/auth_callback/],
    ['the lack of a token', 401, {}, /without one \(RFC 7591 §3\)/],
    ['too many of them', 429, {}, /Wait/],
  ])('that is refused for %s has the remedy for that', async (_, status, body, remedy) => {
    room.answer('/auth/register', (request, response) => (request.method === 'POST' ? json(response, status, body) : false));
    const diagnosis = await look({ register: true });
    const refused = diagnosis.findings.filter(({ id }) => id === 'registration-refused');
    expect(refused.flatMap(({ clients }) => clients).sort()).toEqual([...everyone].sort());
    expect(refused.find(({ clients }) => clients.includes('claude'))).toMatchObject({ step: 'registration', weight: 'failure', what: expect.stringContaining(`${status} from ${room.origin}/auth/register`) as string, remedies: expect.arrayContaining([expect.stringMatching(remedy)]) as string[] });
    expect(diagnosis.ok).toBe(false);
  });

  it('that is not offered leaves clients without an id, unless they have a document of their own', async () => {
    room.serverDocument = { registration_endpoint: undefined };
    const diagnosis = await look();
    expect(diagnosis.findings.filter(({ id }) => id === 'no-registration').flatMap(({ clients }) => clients)).toEqual(everyone);
    expect(diagnosis.findings.find(({ id }) => id === 'no-registration')!.remedies.join()).toContain('Advanced settings → OAuth Client ID');
    room.serverDocument = { registration_endpoint: undefined, ...withDocuments };
    expect((await look()).findings.filter(({ id }) => id === 'no-registration').flatMap(({ clients }) => clients)).toEqual(['chatgpt', 'cursor', 'inspector']);
  });

  it('by a document is impossible for Claude where `none` is not among the token endpoint’s methods', async () => {
    room.serverDocument = { registration_endpoint: undefined, ...withDocuments, token_endpoint_auth_methods_supported: ['client_secret_post'] };
    expect((await look({ clients: ['claude'] })).findings.find(({ id }) => id === 'no-registration')).toMatchObject({ weight: 'failure', what: expect.stringContaining('only where `none` is among') as string });
    room.serverDocument = { ...withDocuments, token_endpoint_auth_methods_supported: undefined };
    expect(found(await look(), 'document-unusable')).toMatchObject({ weight: 'note', clients: ['claude'] });
  });

  it('of a page in a browser needs the preflight to allow it (Inspector)', async () => {
    room.answer('/auth/register', (request, response) => (request.method === 'OPTIONS' ? void response.writeHead(403).end() : false));
    expect(troubles(await look())).toEqual(['failure registration-cors at registration: inspector']);
  });

  it('is not needed with a client id of one’s own', async () => {
    expect(troubles(await look({ clientId: 'known', register: true }))).toEqual([]);
    expect(registrations()).toEqual([]);
  });
});

describe('the authorization endpoint', () => {
  it('that refuses the redirect URI of a client keeps it out', async () => {
    room.answer('/auth/authorize', (request, response) => (request.url!.includes('claude.ai') ? void response.writeHead(400).end('<h1>Invalid parameter: redirect_uri</h1>') : false));
    const diagnosis = await look({ clientId: 'known' });
    expect(found(diagnosis, 'authorize-refused')).toMatchObject({ step: 'authorize', weight: 'failure', clients: ['claude'], what: 'The authorization endpoint refuses the client with the redirect URI https://claude.ai/api/mcp/auth_callback: a page with status 400.' });
  });

  it('that refuses one redirect URI of several is a flaw', async () => {
    room.answer('/auth/authorize', (request, response) => (request.url!.includes('insiders.vscode.dev') ? void response.writeHead(400).end() : false));
    expect(troubles(await look({ clientId: 'known' }))).toEqual(['warning authorize-refused at authorize: vscode']);
  });

  it('that sends the browser back with an error has that error named', async () => {
    room.answer('/auth/authorize', (_, response) => void response.writeHead(302, { location: 'https://claude.ai/api/mcp/auth_callback?error=invalid_scope&error_description=Invalid+scopes' }).end());
    expect(found(await look({ clientId: 'known', clients: ['claude'] }), 'authorize-refused').what).toContain('invalid_scope, Invalid scopes');
  });

  it('that refuses a metadata document, as Keycloak before 26.8 does Claude’s, keeps those out that have one', async () => {
    room.serverDocument = withDocuments;
    room.answer('/auth/authorize', (request, response) => (request.url!.includes('client-metadata') ? void response.writeHead(400).end() : false));
    const refused = (await look()).findings.filter(({ id }) => id === 'authorize-refused');
    expect(refused.flatMap(({ clients }) => clients)).toEqual(['claude', 'claude-code', 'vscode']);
    expect(refused[0]).toMatchObject({ what: expect.stringContaining('https://claude.ai/oauth/mcp-oauth-client-metadata (a metadata document)') as string, remedies: [expect.stringContaining('Keycloak before 26.8')] });
  });
});
