import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Connection, signIn } from '../../keycloak/applier/connection.ts';
import type { ApplierInput } from '../../keycloak/apply.ts';
import { desiredIdentityProviders } from '../../keycloak/identity-providers.ts';
import { desiredRealm } from '../../keycloak/realm.ts';
import { sessions } from '../support/default-sessions.ts';
import { type KeycloakPlace, runApplier, startKeycloak } from './room.ts';

const REALM = 'main';
const desired = desiredRealm({
  realm: REALM,
  sessions,
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

async function make(realm: string): Promise<void> {
  await (await signIn(place.url, 'master', place.bootstrap))!.realms.create({ realm, enabled: true });
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
    formerSecrets: [],
    bootstrap: place.bootstrap,
    userPasswords: { demo: 'planted-demo-password' },
    identityProviderSecrets: {},
  };
});

afterAll(() => place?.remove());

/** A proxy in front of Keycloak. Keycloak has carried out each request before the test says whether it is answered. */
async function listenBetween(decide: (incoming: IncomingMessage, answer: () => void) => unknown) {
  const keycloak = new URL(place.url);
  const server = createServer((incoming, outgoing) => {
    const onward = request({ host: keycloak.hostname, port: keycloak.port, path: incoming.url, method: incoming.method, headers: incoming.headers }, (answer) => {
      decide(incoming, () => {
        outgoing.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(outgoing);
      });
    });
    onward.on('error', () => outgoing.destroy());
    incoming.on('error', () => onward.destroy()).pipe(onward);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}/auth`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

describe('the realm applier', () => {
  test('a run that is killed after any of its changes is completed by the ones after it', async () => {
    // Each run is killed as soon as Keycloak has carried out its first change, before it learns of the answer.
    let killer = new AbortController();
    const between = await listenBetween((incoming, answer) => {
      if (incoming.method === 'GET' || !incoming.url!.startsWith('/auth/admin')) return answer();
      killer.abort();
    });
    let killed = 0;
    for (; killed < 60; killed++) {
      killer = new AbortController();
      const { exitCode, stderr } = await apply({ url: between.url }, killer.signal);
      expect(stderr).toBe('');
      if (exitCode === 0) break;
    }
    between.close();
    expect(killed).toBeGreaterThan(20);
    expect((await apply()).report()).toEqual({ changes: [], reported: [] });
  }, 180_000);

  test('a run that comes upon what a killed one has just asked for, and Keycloak is still carrying out, goes on from there', async () => {
    await place.recover();
    // The realm is made between the moment at which the run sees that it is missing and the one at which it makes it.
    let made: Promise<unknown> | undefined;
    const between = await listenBetween(async (incoming, answer) => {
      if (incoming.method === 'GET' && incoming.url === '/auth/admin/realms/late') await (made ??= make('late'));
      answer();
    });
    const late = await apply({ url: between.url, desired: { ...desired, realm: 'late' } });
    between.close();
    expect(late.stderr).toBe('');
    expect(late.report().changes).toContain('created client drawbridge');
    expect(late.report().changes).not.toContain('created realm late');
  }, 60_000);

  test('afterwards the bootstrap account is gone, and the applier may do what it must and no more', async () => {
    expect(await mayBootstrap()).toBe(false);
    const connection = await admin();
    await expect(connection.realms.create({ realm: 'other' })).rejects.toThrow();
    const [own] = await connection.clients.find({ clientId: input.applier.clientId });
    const user = await connection.clients.getServiceAccountUser({ id: own!.id! });
    const [management] = await connection.clients.find({ clientId: 'realm-management' });
    const roles = await connection.users.listClientRoleMappings({ id: user.id!, clientUniqueId: management!.id! });
    expect(roles.map(({ name }) => name).sort()).toEqual(['manage-clients', 'manage-identity-providers', 'manage-realm', 'manage-users']);
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

  test('one more of anything on a client, a scope or the realm that the code owns is one too many', async () => {
    const connection = await admin();
    const byHand = { name: 'by hand', protocol: 'openid-connect', protocolMapper: 'oidc-hardcoded-claim-mapper', config: { 'claim.name': 'preferred_username', 'claim.value': 'demo' } };
    const read = await connection.clientScopes.findOneByName({ name: 'mcp:read' });
    await connection.clientScopes.addProtocolMapper({ id: read!.id! }, byHand);
    const [client] = await connection.clients.find({ clientId: 'drawbridge' });
    await connection.clients.addProtocolMapper({ id: client!.id! }, byHand);
    const flows = await connection.authenticationManagement.getFlows();
    const attributes = { 'oauth2.device.authorization.grant.enabled': 'true', 'standard.token.exchange.enabled': 'true', 'post.logout.redirect.uris': 'https://evil.example/*', 'access.token.lifespan': '999999' };
    const urls = { rootUrl: 'https://evil.example', baseUrl: 'https://evil.example', adminUrl: 'http://server' };
    const authenticationFlowBindingOverrides = { browser: flows.find(({ alias }) => alias === 'direct grant')!.id! };
    await connection.clients.update({ id: client!.id! }, { ...client, ...urls, attributes: { ...client!.attributes, ...attributes }, authenticationFlowBindingOverrides });
    await connection.authenticationManagement.copyFlow({ flow: 'browser', newName: 'by hand' });
    await connection.realms.update({ realm: REALM }, { browserFlow: 'by hand' });
    const { changes } = (await apply()).report();
    expect(changes).toEqual([
      'reset realm main: browserFlow',
      'deleted mapper by hand of scope mcp:read',
      expect.stringMatching(/^reset client drawbridge: /),
      'deleted mapper by hand of client drawbridge',
    ]);
    for (const name of [...Object.keys(attributes).map((key) => `attributes.${key}`), ...Object.keys(urls), 'authenticationFlowBindingOverrides.browser']) expect(changes[2]).toContain(name);
    expect((await apply()).report()).toEqual({ changes: [], reported: [] });
    const [after] = await connection.clients.find({ clientId: 'drawbridge' });
    expect(Object.keys(after!.attributes!).filter((key) => key in attributes)).toEqual([]);
    expect(after!.authenticationFlowBindingOverrides).toEqual({});
  });

  test('what lets tokens say more, or clients in by another way, is reported by name', async () => {
    const connection = await admin();
    const { clients, clientScopes, clientPolicies, components, realms, roles, users } = connection;
    const basic = await clientScopes.findOneByName({ name: 'basic' });
    await clientScopes.addProtocolMapper({ id: basic!.id! }, { name: 'by hand', protocol: 'openid-connect', protocolMapper: 'oidc-hardcoded-claim-mapper', config: {} });
    const { id: parentId, defaultRole } = (await realms.findOne({ realm: REALM }))!;
    const policy = await components.create({ name: 'by hand', providerId: 'max-clients', providerType: 'org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy', subType: 'anonymous', parentId: parentId!, config: { 'max-clients': ['9'] } });
    const token = await realms.createClientsInitialAccess({ realm: REALM }, { count: 3, expiration: 0 });
    const [account] = await clients.find({ clientId: 'account' });
    const role = await clients.findRole({ id: account!.id!, roleName: 'delete-account' });
    await roles.createComposite({ roleId: defaultRole!.id! }, [role!]);
    const profile = await users.getProfile();
    await users.updateProfile({ ...profile, unmanagedAttributePolicy: 'ENABLED' as never });
    const { policies = [] } = await clientPolicies.listPolicies({});
    await clientPolicies.updatePolicy({ policies: [...policies, { name: 'by hand', enabled: true, conditions: [], profiles: [] }] });
    const { changes, reported } = (await apply()).report();
    expect(changes).toEqual([]);
    expect(reported).toEqual([
      'registration policy by hand was added by hand',
      'an initial access token was made by hand: 3 of 3 clients can still register with it, past every policy',
      'client policy by hand was added by hand',
      'mapper by hand of scope basic was added by hand: tokens say what it says',
      'role delete-account was given to everyone by hand',
      'attributes that the user profile does not name were allowed by hand',
    ]);
    const [mapper] = (await clientScopes.findOneByName({ name: 'basic' }))!.protocolMappers!.filter(({ name }) => name === 'by hand');
    await clientScopes.delProtocolMapper({ id: basic!.id!, mapperId: mapper!.id! });
    await components.del({ id: policy.id });
    await realms.delClientsInitialAccess({ realm: REALM, id: token.id! });
    await roles.delCompositeRoles({ id: defaultRole!.id! }, [role!]);
    await users.updateProfile(profile);
    await clientPolicies.updatePolicy({ policies });
  });

  test('a client that registered itself asks for consent again, and gets tokens by sign-in alone', async () => {
    const { clients } = await admin();
    const answer = await fetch(`${place.url}/realms/${REALM}/clients-registrations/openid-connect`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ redirect_uris: ['http://127.0.0.1/callback'] }) });
    const { client_id } = (await answer.json()) as { client_id: string };
    const [client] = await clients.find({ clientId: client_id });
    await clients.update({ id: client!.id! }, { ...client, consentRequired: false, fullScopeAllowed: true, serviceAccountsEnabled: true });
    expect((await apply()).report().changes).toEqual([`reset client ${client_id}: consentRequired, fullScopeAllowed, serviceAccountsEnabled`]);
    expect((await apply()).report()).toEqual({ changes: [], reported: [] });
    await clients.del({ id: client!.id! });
  });

  test('what registered itself, by the hundred, is read page by page', async () => {
    const { clients } = await admin();
    const made = await Promise.all(Array.from({ length: 120 }, (_, index) => clients.create({ clientId: `a-many-${index}` })));
    const { reported } = (await apply()).report();
    expect(reported).toHaveLength(made.length);
    for (const { id } of made) await clients.del({ id });
  }, 60_000);

  test('an account whose address is another’s is an error that names both', async () => {
    const { users } = await admin();
    const { id } = await users.create({ username: 'older', email: 'ann@example.org', enabled: true });
    const person = { account: { username: 'ann', email: 'ann@example.org', enabled: true }, groups: [], oneTimePassword: true };
    const { exitCode, stderr } = await apply({ desired: { ...desired, users: [...desired.users, person] }, userPasswords: { ...input.userPasswords, ann: 'planted-ann-password' } });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^The realm was not applied: the user ann cannot be made: ann@example\.org is the address of the account older\./);
    await users.del({ id });
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
    const fewer = desiredRealm({ realm: REALM, sessions, servers: [{ name: 'mcp', resource: 'https://mcp.example.org/mcp', scopes: ['mcp:read'] }] });
    const { changes } = (await apply({ desired: fewer })).report();
    const registration = 'reset registration policy Sign-in Only: config.redirect-uris';
    expect(changes).toEqual(['deleted scope mcp:write', registration, 'deleted client drawbridge']);
    expect((await apply()).report().changes).toEqual(['created scope mcp:write', 'assigned scope mcp:write: optional', registration, 'created client drawbridge']);
  });

  test('what tokens say of a person comes with an allow-list that needs it, and goes with it', async () => {
    const knowing = desiredRealm({ realm: REALM, sessions, servers: [{ name: 'mcp', resource: 'https://mcp.example.org/mcp', scopes: ['mcp:read', 'mcp:write'], claims: ['groups', 'email'] }] });
    const { changes } = (await apply({ desired: { ...desired, scopes: knowing.scopes } })).report();
    const mappers = ['groups', 'email', 'email verified'].map((name) => `mapper ${name} of scope mcp:read`);
    expect(changes.map((change) => change.split(': ')[0])).toEqual(mappers.map((mapper) => `reset ${mapper}`));

    const connection = await admin();
    const [[demo], [client]] = await Promise.all([connection.users.find({ username: 'demo' }), connection.clients.find({ clientId: 'drawbridge' })]);
    const team = await connection.groups.create({ name: 'team' });
    const nested = await connection.groups.createChildGroup({ id: team.id }, { name: 'ops' });
    await connection.users.addToGroup({ id: demo!.id!, groupId: nested.id });
    const said = async () => {
      const asked = { id: client!.id!, scope: 'mcp:read', userId: demo!.id!, audience: '' };
      const token = (await connection.clients.evaluateGenerateAccessToken(asked)) as Record<string, unknown>;
      const toClient = [await connection.clients.evaluateGenerateIdToken(asked), await connection.clients.evaluateGenerateUserInfo(asked)] as object[];
      return { token, toClient: toClient.flatMap(Object.keys).filter((claim) => /group|email/.test(claim)) };
    };
    expect(await said()).toMatchObject({ token: { groups: ['ops'], email: 'demo@example.org', email_verified: true }, toClient: [] });
    expect((await apply()).report().changes.sort()).toEqual(mappers.map((mapper) => `deleted ${mapper}`).sort());
    expect(Object.keys((await said()).token).filter((claim) => /group|email/.test(claim))).toEqual([]);
    await connection.groups.del({ id: team.id });
  });

  test('what decides about a first sign-in through a provider is reset and named, whatever the provider', async () => {
    const { authenticationManagement } = await admin();
    const flow = 'first broker login';
    const find = async (name: string) => (await authenticationManagement.getExecutions({ flow })).find(({ providerId }) => providerId === name)!;
    await authenticationManagement.updateExecution({ flow }, { ...(await find('idp-username-password-form')), requirement: 'DISABLED' });
    await authenticationManagement.updateExecution({ flow }, { ...(await find('idp-email-verification')), requirement: 'ALTERNATIVE' });
    expect((await apply()).report().changes).toEqual([`reset flow ${flow}: idp-email-verification`, `reset flow ${flow}: idp-username-password-form`]);
    expect([(await find('idp-username-password-form')).requirement, (await find('idp-email-verification')).requirement]).toEqual(['REQUIRED', 'DISABLED']);
  });

  test('an identity provider is made, reset, switched off without its secret, and comes back with everyone’s account', async () => {
    const { identityProviders, users } = await admin();
    const federated = { desired: { ...desired, identityProviders: desiredIdentityProviders({ github: { clientId: 'gh' }, google: { clientId: 'gg', trustEmail: false } }) }, identityProviderSecrets: { github: 'planted-github', google: 'planted-google' } };
    expect((await apply(federated)).report().changes).toEqual(['github', 'google'].flatMap((alias) => [`created identity provider ${alias}`, `created username of identity provider ${alias}`]));
    expect((await apply(federated)).report().changes).toEqual([]);

    const github = (await identityProviders.findOne({ alias: 'github' }))!;
    await identityProviders.update({ alias: 'github' }, { ...github, trustEmail: true, config: { ...github.config, baseUrl: 'https://evil.example' } });
    const [username] = await identityProviders.findMappers({ alias: 'github' });
    await identityProviders.updateMapper({ alias: 'github', id: username!.id! }, { ...username, config: { ...username!.config, template: '${CLAIM.login}' } });
    expect((await apply(federated)).report().changes).toEqual(['reset identity provider github: trustEmail, config.baseUrl', 'reset username of identity provider github: config.template']);
    expect((await identityProviders.findOne({ alias: 'github' }))!.config).not.toHaveProperty('baseUrl');

    const { id } = await users.create({ username: 'github.octocat', enabled: true, federatedIdentities: [{ identityProvider: 'github', userId: '1', userName: 'octocat' }] });
    expect((await apply()).report().changes).toEqual(['switched off identity provider github', 'switched off identity provider google']);
    expect((await apply()).report().changes).toEqual([]);
    expect((await identityProviders.find()).map(({ alias, enabled }) => [alias, enabled])).toEqual([['github', false], ['google', false]]);
    expect((await apply(federated)).report().changes).toEqual(['reset identity provider github: enabled', 'reset identity provider google: enabled']);
    expect(await users.listFederatedIdentities({ id })).toMatchObject([{ identityProvider: 'github', userId: '1' }]);
    await apply();
  });

  test('an identity provider that people added stays, and is reported', async () => {
    const { identityProviders } = await admin();
    await identityProviders.create({ alias: 'by-hand', providerId: 'gitlab', config: { clientId: 'a', clientSecret: 'b' } });
    const { changes, reported } = (await apply()).report();
    expect(changes).toEqual([]);
    expect(reported).toContain('identity provider by-hand was added by hand, and the front does not let its sign-in through');
    await identityProviders.del({ alias: 'by-hand' });
  });

  test('an issuer that Keycloak cannot ask is an error that says what to look at', async () => {
    const oidc = { clientId: 'o', issuer: 'https://login.invalid', hosts: [], usernameClaim: 'sub', trustEmail: false };
    const { exitCode, stderr } = await apply({ desired: { ...desired, identityProviders: desiredIdentityProviders({ oidc }, 'https://login.invalid/metadata') }, identityProviderSecrets: { oidc: 'planted-oidc' } });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^The realm was not applied: Keycloak cannot read https:\/\/login\.invalid\/metadata\. Is drawbridge:identityProviders\.oidc\.issuer right/);
  });

  test('signing keys survive every run', async () => {
    const connection = await admin();
    const before = await connection.realms.getKeys({ realm: REALM });
    await connection.realms.update({ realm: REALM }, { revokeRefreshToken: false });
    await apply();
    expect(await connection.realms.getKeys({ realm: REALM })).toEqual(before);
  });

  test('a new generation of signing keys signs, the one before goes on to verify until its time is over, and is removed by a later run', async () => {
    const keys = async () => {
      // Signed in anew each time: with a key goes what it has signed.
      const { active = {}, keys: all = [] } = await (await admin()).realms.getKeys({ realm: REALM });
      const statusOf = (kid: string | undefined) => all.find((key) => key.kid === kid)?.status;
      return { active, statusOf };
    };
    const before = (await keys()).active;
    const next = (overlap: number) => ({ desired: { ...desired, signingKeys: { generation: 2, overlap } } });
    const { changes } = (await apply(next(1))).report();
    expect(changes.slice(0, 4)).toEqual(['created signing key drawbridge RS256 2', 'created signing key drawbridge HS512 2', 'drawbridge RS256 2 signs from now on', 'drawbridge HS512 2 signs from now on']);
    expect(changes.slice(4)).toEqual([expect.stringMatching(/^rsa-generated no longer signs, and verifies until 20/), expect.stringMatching(/^hmac-generated-hs512 no longer signs, and verifies until 20/)]);
    const { active, statusOf } = await keys();
    for (const algorithm of ['RS256', 'HS512']) {
      expect(active[algorithm]).not.toBe(before[algorithm]);
      expect([statusOf(active[algorithm]), statusOf(before[algorithm])]).toEqual(['ACTIVE', 'PASSIVE']);
    }
    // What is not for signing stays as it is.
    expect({ ...active, RS256: '', HS512: '' }).toEqual({ ...before, RS256: '', HS512: '' });
    await delay(1_000);
    expect((await apply(next(1))).report().changes.sort()).toEqual(['deleted signing key hmac-generated-hs512', 'deleted signing key rsa-generated']);
    expect((await apply(next(1))).report().changes).toEqual([]);
    expect((await keys()).active).toEqual(active);
  }, 60_000);

  test('an applier with a new secret lets itself in with a former one, once', async () => {
    const applier = { ...input.applier, clientSecret: 'planted-second-secret' };
    const formerSecrets = ['planted-never-used', input.applier.clientSecret];
    expect((await apply({ applier, formerSecrets })).report().changes).toEqual(['changed the secret of client drawbridge-applier']);
    expect(await signIn(place.url, REALM, input.applier)).toBeUndefined();
    expect((await apply({ applier, formerSecrets })).report().changes).toEqual([]);
    input = { ...input, applier };
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
