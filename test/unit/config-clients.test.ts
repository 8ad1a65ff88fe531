import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { clientsOf } from '../../infra/config/clients.ts';
import { parseConfig } from '../../infra/config.ts';
import { knownClients } from '../../keycloak/known-clients.ts';
import { problemsOf } from '../support/config-problems.ts';

const clients = (...entries: unknown[]) => clientsOf(parseConfig({ profile: 'local', clients: entries }));
const ofOwn = (redirectUri: string) => problemsOf({ clients: [{ id: 'own', redirectUris: [redirectUri] }] });

describe('clients', () => {
  it('are the seven known ones by default, each under its name', () => {
    const known = ['claude', 'claude-code', 'chatgpt', 'vscode', 'cursor', 'inspector', 'mcp-remote'];
    expect(clientsOf(parseConfig({ profile: 'local' })).map(({ clientId }) => clientId)).toEqual(known);
  });

  it('may be some of them, and your own', () => {
    const own = { id: 'own', redirectUris: ['https://app.example.org/callback', 'com.example.app:/callback', 'http://localhost/cb', 'http://127.0.0.1:8000/'] };
    expect(clients('claude', own)).toMatchObject([{ clientId: 'claude', name: 'Claude' }, { clientId: 'own', name: 'own', redirectUris: own.redirectUris }]);
    expect(clients({ ...own, name: 'My app' })).toMatchObject([{ name: 'My app' }]);
  });

  it('that are neither known nor an object are named, with what there is', () => {
    expect(problemsOf({ clients: ['claud'] })).toEqual([expect.stringMatching(/^clients\[0\] is none of: claude, claude-code, .*\{id, name, redirectUris\}/)]);
    expect(problemsOf({ clients: ['toString'] })).toHaveLength(1);
  });

  it('must be some: nobody could connect', () => {
    expect(problemsOf({ clients: [] })).toEqual([expect.stringMatching(/^clients lets no client connect/)]);
    expect(problemsOf({ clients: [], auth: 'none' })).toEqual([]);
  });

  it('have an id each', () => {
    expect(problemsOf({ clients: ['claude', 'claude'] })).toEqual([expect.stringMatching(/^clients\[1\] is claude once more/)]);
    expect(problemsOf({ clients: ['claude', { id: 'claude', redirectUris: ['https://a.example/'] }] })).toHaveLength(1);
  });

  it.each(['account', 'admin-cli', 'realm-management', 'drawbridge-applier', '0b8fbd0c-3a36-4e3c-9e4f-9a3b1c2d4e5f'])('may not take %s, an id of Keycloak’s or ours', (id) => {
    expect(problemsOf({ clients: [{ id, redirectUris: ['https://a.example/'] }] })).toEqual([expect.stringMatching(/^clients\[0\]\.id is taken/)]);
  });
});

describe('docs/clients.md', () => {
  const cells = new Map([...readFileSync('docs/clients.md', 'utf8').matchAll(/^\| `([\w-]+)` \| ([^|]*) \|/gm)].map(([, client, cell]) => [client, cell]));

  it.each(Object.entries(knownClients))('names each redirect URI of %s, and no other', (client, { redirectUris, redirectUriStems = [] }) => {
    const named = [...cells.get(client)!.matchAll(/`([^`]+)`/g)].map(([, uri]) => uri);
    expect(named).toEqual([...redirectUris, ...redirectUriStems.map((stem) => `${stem}…`)]);
  });
});

describe('a redirect URI of your own client', () => {
  it.each([
    ['https://app.example.org/*', /wildcard/],
    ['https://*.example.org/callback', /wildcard/],
    ['https://app.example.org/callback#x', /fragment/],
    ['https://app.example.org/callback#', /fragment/],
    ['https://claude.ai@evil.example/callback', /has a user in it/],
    ['https://@evil.example/callback', /has a user in it/],
    ['http://app.example.org/callback', /clear text/],
    ['http://localhost.example.org/callback', /clear text/],
    ['https://localhost/callback', /own machine/],
    ['javascript:alert(1)', /scheme javascript/],
    ['data:text/html,x', /scheme data/],
    ['tel:+123', /scheme tel/],
    ['jar:https://a.example/x', /scheme jar/],
    ['smb://evil.example/share', /scheme smb/],
    ['ms-msdt:/id', /scheme ms-msdt/],
    ['/callback', /no absolute URI/],
    ['https://app.example.org', /write https:\/\/app\.example\.org\//],
    ['https://app.example.org/a/../callback', /plain form.*write https:\/\/app\.example\.org\/callback/],
    ['https://app.example.org/%2e%2e/callback', /plain form/],
    ['https://app.example.org/a%2fb', /plain form/],
    ['https://app.example.org\\@evil.example/', /plain form|user/],
    ['HTTPS://App.example.org/callback', /plain form/],
    ['https://app.example.org:443/callback', /plain form/],
  ])('is refused with a remedy: %s', (uri, message) => {
    expect(ofOwn(uri)).toEqual([expect.stringMatching(message)]);
  });
});

describe('registration', () => {
  it('is open or closed', () => {
    expect(parseConfig({ profile: 'local' }).registration).toBe('open');
    expect(parseConfig({ profile: 'local', registration: 'closed' }).registration).toBe('closed');
    expect(problemsOf({ registration: 'ajar' })).toEqual(['registration is none of: open, closed']);
  });
});
