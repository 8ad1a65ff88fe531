import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Connection, signIn } from '../../keycloak/applier/connection.ts';
import type { ApplierInput } from '../../keycloak/apply.ts';
import { desiredRealm } from '../../keycloak/realm.ts';
import { type KeycloakPlace, runApplier, startKeycloak } from './keycloak-room.ts';

const REALM = 'main';
const desired = desiredRealm({
  realm: REALM,
  servers: [{ name: 'mcp', resource: 'https://mcp.example.org/mcp', scopes: ['mcp:read', 'mcp:write'] }],
  clients: [{ clientId: 'drawbridge', name: 'Drawbridge', redirectUris: ['http://127.0.0.1/callback'] }],
  demoUser: { username: 'demo', email: 'demo@example.org', firstName: 'Demo', lastName: 'User' },
});

let place: KeycloakPlace;
let input: ApplierInput;
let output = '';

async function apply(changed: Partial<ApplierInput> = {}, signal?: AbortSignal) {
  const run = await runApplier({ ...input, ...changed }, signal);
  output += run.stdout + run.stderr;
  return { ...run, report: () => JSON.parse(run.stdout.trim().split('\n').at(-1)!) as { changes: string[]; reported: string[] } };
}

async function admin(): Promise<Connection> {
  return (await signIn(place.url, REALM, input.applier))!;
}

async function mayBootstrap(): Promise<boolean> {
  return (await signIn(place.url, 'master', place.bootstrap)) !== undefined;
}

beforeAll(async () => {
  place = await startKeycloak();
  input = {
    url: place.url,
    desired,
    applier: { clientId: 'drawbridge-applier', clientSecret: 'planted-applier-secret' },
    bootstrap: place.bootstrap,
    userPasswords: { demo: 'planted-demo-password' },
  };
});

afterAll(() => place?.remove());

describe('the realm applier', () => {
  test('a run that is killed after any of its changes is completed by the ones after it', async () => {
    // Each run is killed as soon as Keycloak has carried out its first change, before it learns of the answer.
    const keycloak = new URL(place.url);
    let killer = new AbortController();
    const between = createServer((incoming, outgoing) => {
      const onward = request({ host: keycloak.hostname, port: keycloak.port, path: incoming.url, method: incoming.method, headers: incoming.headers }, (answer) => {
        if (incoming.method !== 'GET' && incoming.url?.startsWith('/auth/admin')) return killer.abort();
        outgoing.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(outgoing);
      });
      onward.on('error', () => outgoing.destroy());
      incoming.on('error', () => onward.destroy()).pipe(onward);
    }).listen(0, '127.0.0.1');
    await once(between, 'listening');
    const url = `http://127.0.0.1:${(between.address() as { port: number }).port}/auth`;
    let killed = 0;
    for (; killed < 60; killed++) {
      killer = new AbortController();
      const { exitCode, stderr } = await apply({ url }, killer.signal);
      expect(stderr).toBe('');
      if (exitCode === 0) break;
    }
    between.closeAllConnections();
    between.close();
    expect(killed).toBeGreaterThan(20);
    expect((await apply()).report()).toEqual({ changes: [], reported: [] });
  }, 180_000);

  test('afterwards the bootstrap account is gone, and the applier may do what it must and no more', async () => {
    expect(await mayBootstrap()).toBe(false);
    const connection = await admin();
    await expect(connection.realms.create({ realm: 'other' })).rejects.toThrow();
    const [own] = await connection.clients.find({ clientId: input.applier.clientId });
    const user = await connection.clients.getServiceAccountUser({ id: own!.id! });
    const [management] = await connection.clients.find({ clientId: 'realm-management' });
    const roles = await connection.users.listClientRoleMappings({ id: user.id!, clientUniqueId: management!.id! });
    expect(roles.map(({ name }) => name).sort()).toEqual(['manage-clients', 'manage-realm', 'manage-users']);
  });

  test('what the code owns is reset and named', async () => {
    const connection = await admin();
    await connection.realms.update({ realm: REALM }, { revokeRefreshToken: false });
    const write = await connection.clientScopes.findOneByName({ name: 'mcp:write' });
    const [mapper] = write!.protocolMappers!;
    await connection.clientScopes.updateProtocolMapper(
      { id: write!.id!, mapperId: mapper!.id! },
      { ...mapper, config: { ...mapper!.config, 'included.custom.audience': 'https://evil.example' } },
    );
    const [client] = await connection.clients.find({ clientId: 'drawbridge' });
    await connection.clients.update({ id: client!.id! }, { ...client, redirectUris: ['https://evil.example/*'], consentRequired: false });
    await connection.clients.delOptionalClientScope({ id: client!.id!, clientScopeId: write!.id! });
    const { changes } = (await apply()).report();
    expect(changes).toEqual([
      'reset realm main: revokeRefreshToken',
      'reset mapper audience of scope mcp:write: config.included.custom.audience',
      'reset client drawbridge: consentRequired, redirectUris',
      'reset client drawbridge: scope mcp:write',
    ]);
    expect((await apply()).report().changes).toEqual([]);
  });

  test('what people added stays and is reported', async () => {
    const connection = await admin();
    await connection.clients.create({ clientId: 'by-hand' });
    await connection.clientScopes.create({ name: 'extra', protocol: 'openid-connect' });
    await connection.users.create({ username: 'anna', enabled: true });
    expect((await apply()).report()).toEqual({ changes: [], reported: ['client by-hand was added by hand', 'scope extra was added by hand'] });
    expect(await connection.users.find({ username: 'anna' })).toHaveLength(1);
  });

  test('a scope or client that the code no longer wants is deleted', async () => {
    const fewer = desiredRealm({ realm: REALM, servers: [{ name: 'mcp', resource: 'https://mcp.example.org/mcp', scopes: ['mcp:read'] }] });
    const { changes } = (await apply({ desired: fewer })).report();
    expect(changes).toEqual(['deleted scope mcp:write', 'deleted client drawbridge']);
    expect((await apply()).report().changes).toEqual(['created scope mcp:write', 'assigned scope mcp:write: optional', 'created client drawbridge']);
  });

  test('signing keys survive every run', async () => {
    const connection = await admin();
    const before = await connection.realms.getKeys({ realm: REALM });
    await connection.realms.update({ realm: REALM }, { revokeRefreshToken: false });
    await apply();
    expect(await connection.realms.getKeys({ realm: REALM })).toEqual(before);
  });

  test('a lost applier secret is an error that names the way back in, which works', async () => {
    const applier = { ...input.applier, clientSecret: 'planted-new-secret' };
    const refused = await apply({ applier });
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain('/opt/keycloak/recover.sh');
    await place.recover();
    expect((await apply({ applier })).report().changes).toEqual(['reset client drawbridge-applier', 'deleted bootstrap account drawbridge-bootstrap']);
    expect(await mayBootstrap()).toBe(false);
    input = { ...input, applier };
  });

  test('a Keycloak that refuses a request ends in an error with its answer', async () => {
    const { exitCode, stderr } = await apply({ desired: { ...desired, settings: { ...desired.settings, accessTokenLifespan: -5, browserFlow: 'missing' } } });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^The realm was not applied: Keycloak answered [45]\d\d to /);
    await apply();
  });

  test('neither the applier nor Keycloak prints a secret', async () => {
    const printed = output + (await place.log());
    for (const secret of ['planted-', place.bootstrap.clientSecret]) expect(printed).not.toContain(secret);
  });
});
