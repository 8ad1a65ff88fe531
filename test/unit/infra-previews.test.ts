import { beforeAll, describe, expect, it } from 'vitest';
import { generated, type ProgramRun, runProgram } from '../support/mocked-program.ts';

const issuer = 'https://localhost:8443/auth/realms/preview-pr-1';
let shared: ProgramRun;
let preview: ProgramRun;
beforeAll(async () => {
  shared = await runProgram('shared', { profile: 'local', previewRealms: true });
  preview = await runProgram('pr-1', { profile: 'local', localPort: 8444, realm: 'preview-pr-1', authorizationServer: { issuer, keycloakOf: 'shared' } });
});

const found = ({ resources }: ProgramRun, type: string, name: string) => resources.find((resource) => resource.type.endsWith(`:${type}`) && resource.name === name);
const networksOf = (run: ProgramRun, name: string) => (found(run, 'Container', name)!.inputs.networksAdvanced as { name: string }[]).map((network) => network.name);
const ordersOf = (run: ProgramRun, name: string) => JSON.parse(String(found(run, 'Command', name)!.inputs.stdin)) as { url: string; desired: { realm: string }; bootstrap: object; previews?: object };

describe('a stack whose Keycloak has the realms of previews', () => {
  it('has a network for it and their gateways that leads nowhere else, on which no gateway of its own is', () => {
    expect(found(shared, 'Network', 'previews')!.inputs).toMatchObject({ name: 'drawbridge-shared-previews', internal: true });
    expect(networksOf(shared, 'keycloak')).toEqual(['drawbridge-shared-edge', 'drawbridge-shared-data', 'drawbridge-shared-previews']);
    expect(networksOf(shared, 'server')).not.toContain('drawbridge-shared-previews');
  });

  it('has an account made as which they make their realms, whose secret it gives out as a secret', () => {
    expect(ordersOf(shared, 'keycloak-realm').previews).toEqual({ clientId: 'drawbridge-previews', clientSecret: generated('secrets-previews') });
    expect(Object.keys(shared.exports)).toContain('previewsSecret');
  });
});

describe('a stack with its realm there', () => {
  it('has neither Keycloak nor database, nor the secrets of such', () => {
    expect(['keycloak', 'database'].map((name) => found(preview, 'Container', name))).toEqual([undefined, undefined]);
    expect(preview.resources.filter(({ type }) => type.endsWith(':RandomPassword')).map(({ name }) => name).sort()).toEqual(['secrets-applier', 'secrets-test-user']);
  });

  it('has its gateway on that network, where it finds the keys of its realm, and no other container', () => {
    expect(networksOf(preview, 'server')).toContain('drawbridge-shared-previews');
    expect(preview.resources.filter(({ type, name }) => type.endsWith(':Container') && JSON.stringify(found(preview, 'Container', name)!.inputs).includes('drawbridge-shared-previews')).map(({ name }) => name)).toEqual(['server']);
    expect(JSON.stringify(found(preview, 'Container', 'server')!.inputs.envs)).toContain('http://keycloak:8080/auth/realms/preview-pr-1/protocol/openid-connect/certs');
  });

  it('makes the realm as the account that stays, and removes it when the stack goes; where that Keycloak is gone, so is the realm', () => {
    const realm = found(preview, 'Command', 'realm')!;
    expect(ordersOf(preview, 'realm')).toMatchObject({ desired: { realm: 'preview-pr-1' }, bootstrap: { clientId: 'drawbridge-previews', clientSecret: generated('previews-there'), stays: true } });
    expect(realm.secretInputs).toContain('stdin');
    expect(realm.inputs.delete).toMatch(/docker ps .*'\^\/drawbridge-shared-keycloak\$'\) \|\| exit; test -z "\$found" \|\| docker run .* --network drawbridge-shared-previews .* withdraw$/);
  });

  it('says where its tokens come from', () => {
    expect(preview.exports).toMatchObject({ issuer, jwksUrl: `${issuer}/protocol/openid-connect/certs`, authorizationServerMetadataUrl: 'https://localhost:8443/.well-known/oauth-authorization-server/auth/realms/preview-pr-1', clients: { claude: 'claude' } });
  });
});
