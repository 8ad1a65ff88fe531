import { setTimeout as sleep } from 'node:timers/promises';
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
const without = (...names: string[]) => everyone.filter((name) => !names.includes(name));
const pathInserted = '/.well-known/oauth-protected-resource/mcp';
const root = '/.well-known/oauth-protected-resource';
const ofServer = '/.well-known/oauth-authorization-server/auth/realms/main';
const missing = (path: string) => room.answer(path, (_, response) => json(response, 404, {}));

describe('the challenge', () => {
  it.each([
    ['', 'no WWW-Authenticate: Bearer'],
    ['Bearer realm="mcp"', 'no resource_metadata in its WWW-Authenticate'],
  ])('“%s” leaves clients guessing, which is a flaw where the metadata is in its usual place', async (challenge, lacking) => {
    room.challenge = challenge;
    const diagnosis = await look();
    expect(found(diagnosis, 'challenge-lacking')).toMatchObject({ weight: 'warning', clients: everyone, what: expect.stringContaining(lacking) as string });
    expect(diagnosis.ok).toBe(true);
  });

  it('without metadata, and none in its usual places, leaves them nowhere', async () => {
    room.challenge = '';
    missing(pathInserted);
    missing(root);
    const diagnosis = await look();
    expect(found(diagnosis, 'challenge-lacking')).toMatchObject({ weight: 'failure' });
    expect(diagnosis.findings.filter(({ id }) => id === 'resource-metadata-missing').flatMap(({ clients }) => clients).sort()).toEqual([...everyone].sort());
    expect(diagnosis.clients.every(({ step }) => step === 'challenge')).toBe(true);
  });

  it('that names the root document stops Claude, the more so where the path-inserted one is missing (claude-ai-mcp#690)', async () => {
    room.challenge = `Bearer resource_metadata="${room.origin}${root}"`;
    expect(found(await look(), 'root-named').clients).toEqual(['claude']);
    missing(pathInserted);
    const diagnosis = await look();
    const claude = found(diagnosis, 'root-named');
    expect(claude).toMatchObject({ step: 'resource metadata', weight: 'failure', clients: ['claude'], remedies: [`Name ${room.origin}${pathInserted} in the 401, and serve both.`] });
    expect(claude.what).toContain(`and there is none at ${room.origin}${pathInserted} (404)`);
    expect(diagnosis.clients.filter(({ connects }) => !connects).map(({ client }) => client)).toEqual(['claude']);
  });
});

describe('the protected resource metadata', () => {
  it('that is missing where the 401 says it is stops those who look nowhere else', async () => {
    missing(pathInserted);
    const { clients } = await look();
    expect(clients.filter(({ connects }) => !connects)).toEqual(without('claude', 'chatgpt').map((client) => expect.objectContaining({ client, step: 'resource metadata' }) as unknown));
  });

  it('that is a web page is the answer of another program', async () => {
    for (const path of [pathInserted, root]) room.answer(path, (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'));
    expect((await look({ clients: ['cursor'] })).findings.find(({ id }) => id === 'resource-metadata-missing')!.what).toContain('another program answers for the path');
  });

  it('that lacks its fields is of no use, and each is named', async () => {
    room.resourceDocument = { resource: undefined, authorization_servers: [] };
    expect(found(await look(), 'resource-metadata-invalid')).toMatchObject({ step: 'resource metadata', clients: everyone, what: expect.stringMatching(/resource: .*authorization_servers: /) as string });
  });

  it('that names the URL with a slash stops those who compare byte for byte', async () => {
    room.resourceDocument = { resource: `${room.url}/` };
    expect(found(await look(), 'resource-differs')).toMatchObject({ step: 'resource metadata', weight: 'failure', clients: ['claude', 'vscode'], what: expect.stringContaining('They differ in a slash at the end.') as string });
  });

  it('that names another server stops everyone', async () => {
    room.resourceDocument = { resource: 'https://other.example.test/mcp' };
    expect(found(await look(), 'resource-differs').clients).toEqual(everyone);
  });

  it('that names the origin of the server stops those who compare byte for byte', async () => {
    room.resourceDocument = { resource: room.origin };
    expect(found(await look(), 'resource-differs').clients).toEqual(['claude', 'vscode']);
  });

  it('may be typed with a slash by the user of Claude, which strips it', async () => {
    const { findings } = await examine(`${room.url}/`, { listenSeconds: 0, clients: ['claude'] });
    expect(findings.map(({ id }) => id)).toEqual(['not-public']);
  });

  it('that is named with http: by a server on HTTPS is behind a front that it does not know of', async () => {
    const { look: cause } = (await import('../../doctor/causes/resource-metadata.ts')).resourceMetadataCauses.find(({ id }) => id === 'resource-metadata-http')!;
    const walk = { resource: 'https://mcp.example.test/mcp', challenge: { bearer: { resource_metadata: 'http://mcp.example.test/.well-known/oauth-protected-resource/mcp' } } };
    expect(cause(walk as never)).toMatchObject({ what: expect.stringContaining('with http:') as string });
  });

  it('that takes longer than 10 seconds is too slow for Claude', { timeout: 40_000 }, async () => {
    room.breaks.push((request, response) => {
      if (request.url !== pathInserted) return false;
      void sleep(10_300).then(() => json(response, 200, { resource: room.url, authorization_servers: [room.issuer] }));
    });
    const diagnosis = await look({ clients: ['claude', 'cursor'] });
    expect(found(diagnosis, 'discovery-slow')).toMatchObject({ step: 'resource metadata', clients: ['claude'], what: expect.stringMatching(/took 1\d\.\d seconds; this client gives up after 10 seconds/) as string });
    expect(diagnosis.clients.map(({ connects }) => connects)).toEqual([false, true]);
  });

  it('that a page in a browser may not read stops Inspector', async () => {
    room.answer(pathInserted, (_, response) => json(response, 200, { resource: room.url, authorization_servers: [room.issuer] }, { 'access-control-allow-origin': 'https://other.example' }));
    expect(troubles(await look())).toEqual(['failure resource-metadata-cors at resource metadata: inspector']);
  });
});

describe('the authorization server metadata', () => {
  it('that is missing everywhere stops everyone, each at the places where it looks (RFC 8414 §3.1)', async () => {
    missing(ofServer);
    const findings = (await look()).findings.filter(({ id }) => id === 'server-metadata-missing');
    expect(findings.flatMap(({ clients }) => clients).sort()).toEqual([...everyone].sort());
    const claude = findings.find(({ clients }) => clients.includes('claude'))!;
    const places = [`${ofServer}`, '/.well-known/openid-configuration/auth/realms/main', '/auth/realms/main/.well-known/openid-configuration'];
    expect(claude.what).toContain(places.map((path) => `404 from ${room.origin}${path}`).join('; '));
  });

  it('may be OpenID’s, with the path before', async () => {
    missing(ofServer);
    const moved = { ...(await (await fetch(`${room.origin}${ofServer}`)).json()) } as object;
    expect(moved).toEqual({});
    room.breaks.length = 0;
    const document: unknown = await (await fetch(`${room.origin}${ofServer}`)).json();
    missing(ofServer);
    room.answer('/auth/realms/main/.well-known/openid-configuration', (_, response) => json(response, 200, document));
    expect(troubles(await look())).toEqual([]);
  });

  it('that is where nobody looks is found there', async () => {
    const document: unknown = await (await fetch(`${room.origin}${ofServer}`)).json();
    missing(ofServer);
    room.answer('/auth/realms/main/.well-known/oauth-authorization-server', (_, response) => json(response, 200, document));
    for (const { what } of (await look()).findings.filter(({ id }) => id === 'server-metadata-missing')) expect(what).toContain(`It is at ${room.issuer}/.well-known/oauth-authorization-server, where nobody looks`);
  });

  it.each([
    ['/', 'They differ in a slash at the end.'],
    ['/x', 'The shorter one lacks the path /x.'],
    ['X', 'They are not the same.'],
  ])('of another issuer (…%s) is refused by those who compare, and a flaw for the others (RFC 8414 §3.3)', async (added, difference) => {
    room.serverDocument = { issuer: `${room.issuer}${added}` };
    const findings = (await look()).findings.filter(({ id }) => id === 'issuer-differs');
    expect(findings.map(({ weight, clients }) => [weight, clients])).toEqual([['failure', ['chatgpt', 'inspector']], ['warning', without('chatgpt', 'inspector')]]);
    for (const { what } of findings) expect(what).toContain(difference);
  });

  it('of the same issuer without its slash is refused by ChatGPT alone', async () => {
    room.resourceDocument = { authorization_servers: [`${room.issuer}/`] };
    expect((await look()).findings.filter(({ id, weight }) => id === 'issuer-differs' && weight === 'failure').map(({ clients }) => clients)).toEqual([['chatgpt']]);
  });

  it.each([
    [undefined, 'has no code_challenge_methods_supported'],
    [['plain'], 'lists PKCE methods without S256 (plain)'],
  ])('with the PKCE methods %j stops everyone (OAuth 2.1 §7.5.2)', async (methods, what) => {
    room.serverDocument = { code_challenge_methods_supported: methods };
    expect(found(await look(), 'no-pkce')).toMatchObject({ step: 'server metadata', weight: 'failure', clients: everyone, what: expect.stringContaining(what) as string });
  });

  it.each<[string, object, string]>([
    ['no offline_access', { scopes_supported: ['openid', 'mcp:read'] }, 'scopes_supported has no offline_access'],
    ['no refresh_token among its grants', { grant_types_supported: ['authorization_code'] }, 'grant_types_supported is authorization_code'],
    ['no grants at all', { grant_types_supported: undefined }, 'grant_types_supported is left out'],
  ])('with %s has people sign in again and again (claude-ai-mcp#840)', async (_, document, what) => {
    room.serverDocument = { ...document };
    const diagnosis = await look();
    expect(found(diagnosis, 'no-refresh')).toMatchObject({ step: 'token', weight: 'warning', clients: everyone, what: expect.stringContaining(what) as string });
    expect(diagnosis.ok).toBe(true);
  });

  it('that lacks its fields is of no use, and each is named', async () => {
    room.serverDocument = { token_endpoint: undefined, authorization_endpoint: '/authorize' };
    expect(found(await look(), 'server-metadata-invalid')).toMatchObject({ clients: everyone, what: expect.stringMatching(/authorization_endpoint: .*token_endpoint: /) as string });
  });

  it('that a page in a browser may not read stops Inspector', async () => {
    const document = await (await fetch(`${room.origin}${ofServer}`)).json() as object;
    room.answer(ofServer, (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document)));
    expect(troubles(await look())).toEqual(['failure server-metadata-cors at server metadata: inspector']);
  });

  it('on the MCP host alone, as before 2025-06-18, is a flaw', async () => {
    missing(pathInserted);
    missing(root);
    room.challenge = 'Bearer realm="mcp"';
    const document = await (await fetch(`${room.origin}${ofServer}`)).json() as object;
    room.answer('/.well-known/oauth-authorization-server', (_, response) => json(response, 200, { ...document, issuer: room.origin }));
    const diagnosis = await look();
    expect(diagnosis.findings.filter(({ id }) => id === 'resource-metadata-missing').every(({ weight, what }) => weight === 'warning' && what.includes('as before 2025-06-18'))).toBe(true);
  });
});
