import { describe, expect, test } from 'vitest';
import { versions } from '../../images/versions.ts';
import { clientMetadataPolicy, documentHosts } from '../../keycloak/client-metadata.ts';
import { features } from '../../keycloak/features.ts';
import { knownClients } from '../../keycloak/known-clients.ts';
import { desiredRealm } from '../../keycloak/realm.ts';
import { sessions } from '../support/default-sessions.ts';

const off = { clientIdMetadata: 'off', resourceIndicators: false } as const;
const all = Object.values(knownClients);

describe('features', () => {
  test.each([['26.7.4', []], ['26.8.0', ['cimd']], ['26.10.1', ['cimd']], ['27.0.0', ['cimd']]])('auto takes metadata documents where Keycloak takes Claude’s: %s', (version, expected) => {
    expect(features({ ...off, clientIdMetadata: 'auto' }, version)).toEqual(expected);
  });
  test('the version that is pinned does not, so that none is advertised by default', () => {
    expect(features({ ...off, clientIdMetadata: 'auto' }, versions.keycloak.tag)).toEqual([]);
  });
  test('on and off are what they say, and resource indicators are on only when asked for', () => {
    expect(features({ ...off, clientIdMetadata: 'on' }, '26.7.4')).toEqual(['cimd']);
    expect(features(off, '26.8.0')).toEqual([]);
    expect(features({ ...off, resourceIndicators: true }, '26.7.4')).toEqual(['resource-indicators']);
  });
});

describe('client id metadata documents', () => {
  test('are fetched from the hosts of the clients that are switched on, and from no other', () => {
    expect(documentHosts(all)).toEqual(['claude.ai', 'vscode.dev']);
    expect(documentHosts([knownClients.cursor])).toEqual([]);
  });
  test('may name those hosts and the clients’ redirect URIs, over TLS', () => {
    const { profile, policy } = clientMetadataPolicy(all, { passesOverGrantTypes: false });
    const { configuration } = profile.executors![0]!;
    expect(configuration).toMatchObject({ 'cimd-allow-http-scheme': false, 'cimd-restrict-same-domain': false });
    expect(configuration).not.toHaveProperty('accept-public-client-with-confidential-client-only-grant');
    expect((configuration as Record<string, string[]>)['cimd-allow-permitted-domains']!.toSorted()).toEqual(['127.0.0.1', 'claude.ai', 'claude.com', 'code.visualstudio.com', 'insiders.vscode.dev', 'localhost', 'vscode.dev']);
    expect(policy.conditions).toEqual([{ condition: 'client-id-uri', configuration: { 'client-id-uri-scheme': ['https'], 'client-id-uri-allow-permitted-domains': ['claude.ai', 'vscode.dev'] } }]);
  });
  test('Claude’s, which lists jwt-bearer, passes from 26.8 on', () => {
    expect(clientMetadataPolicy(all, { passesOverGrantTypes: true }).profile.executors![0]!.configuration).toMatchObject({ 'accept-public-client-with-confidential-client-only-grant': true });
  });
});

test('with resource indicators each server is a client whose id is its resource, and which nobody can sign in as', () => {
  const servers = [{ name: 'files', resource: 'https://mcp.example.org/files', scopes: ['files:read'] }];
  const realm = desiredRealm({ realm: 'main', sessions, servers, resourceIndicators: true });
  expect(realm.clients).toEqual([expect.objectContaining({ clientId: 'https://mcp.example.org/files', bearerOnly: true, standardFlowEnabled: false, serviceAccountsEnabled: false, attributes: expect.objectContaining({ resource_url: 'https://mcp.example.org/files' }) })]);
});
