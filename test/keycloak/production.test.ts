import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Connection, signIn } from '../../keycloak/applier/connection.ts';
import type { ApplierInput } from '../../keycloak/apply.ts';
import { desiredRealm, type RealmInput } from '../../keycloak/realm.ts';
import { sessions } from '../support/default-sessions.ts';
import { FormBrowser, type Login, pkce } from '../support/form-browser.ts';
import { type KeycloakPlace, runApplier, startKeycloak } from './room.ts';

const REALM = 'main';
const REDIRECT = 'http://127.0.0.1:43115/callback';
const demo = { username: 'demo', password: 'planted-demo-password' };
const realmInput = (changed: Partial<RealmInput> = {}): RealmInput => ({
  realm: REALM,
  servers: [{ name: 'mcp', resource: 'https://mcp.example.org/mcp', scopes: ['mcp:read', 'mcp:write'] }],
  clients: [{ clientId: 'drawbridge', name: 'Drawbridge', redirectUris: ['http://127.0.0.1/callback'] }],
  sessions,
  demoUser: { username: demo.username, email: 'demo@example.org', firstName: 'Demo', lastName: 'User' },
  ...changed,
});
const ann = { username: 'ann', email: 'ann@example.org', firstName: 'Ann', lastName: 'Example', groups: ['developers'] };
const eve = { username: 'eve', email: 'eve@example.org' };
const oneTime = { ann: 'planted-one-time-ann', eve: 'planted-one-time-eve' };

let place: KeycloakPlace;
let input: ApplierInput;
let applier: Connection;
/** What must be in no log. */
const confidential: Record<string, string> = { ...oneTime, 'password of demo': demo.password };

beforeAll(async () => {
  place = await startKeycloak();
  input = {
    url: place.url,
    desired: desiredRealm(realmInput({ users: [ann, eve] })),
    applier: { clientId: 'drawbridge-applier', clientSecret: 'planted-applier-secret' },
    formerSecrets: [],
    bootstrap: place.bootstrap,
    userPasswords: { [demo.username]: demo.password, ...oneTime },
    identityProviderSecrets: {},
  };
  expect((await apply()).changes).toContain('created user ann');
  applier = (await signIn(place.url, REALM, input.applier))!;
});
afterAll(() => place?.remove());

async function apply(changed: Partial<RealmInput> & { url?: string } = {}, orders: Partial<ApplierInput> = {}) {
  const { exitCode, stdout, stderr } = await runApplier({ ...input, ...(Object.keys(changed).length > 0 ? { desired: desiredRealm(realmInput({ users: [ann, eve], ...changed })) } : {}), ...orders });
  if (exitCode !== 0) throw new Error(stderr);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as { changes: string[]; reported: string[] };
}

const endpoint = (name: string) => `${place.url}/realms/${REALM}/protocol/openid-connect/${name}`;

async function token(parameters: Record<string, string>) {
  const response = await fetch(endpoint('token'), { method: 'POST', body: new URLSearchParams({ client_id: 'drawbridge', ...parameters }) });
  return { status: response.status, ...((await response.json()) as { access_token: string; refresh_token: string; error?: string; error_description?: string }) };
}
const refresh = ({ refresh_token }: { refresh_token: string }) => token({ grant_type: 'refresh_token', refresh_token });

async function signInAs(login: Login, scope = 'mcp:read offline_access') {
  const { verifier, challenge } = pkce();
  const browser = new FormBrowser(login);
  const query = { response_type: 'code', client_id: 'drawbridge', redirect_uri: REDIRECT, scope, state: 's', code_challenge: challenge, code_challenge_method: 'S256' };
  const answer = await browser.authorize(`${endpoint('auth')}?${new URLSearchParams(query)}`, REDIRECT);
  const code = answer.get('code');
  if (!code) throw new Error(`no code: ${answer.get('error')}`);
  const tokens = await token({ grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: verifier });
  return { ...tokens, code, verifier, cookies: browser.cookies };
}

const claims = ({ access_token }: { access_token: string }) => JSON.parse(Buffer.from(access_token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
const find = async (username: string) => (await applier.users.find({ username, exact: true }))[0]!;

describe('a user of the config', () => {
  test('signs in with the one-time password once, has to choose another, and is in the groups of the config', async () => {
    const login = { username: 'ann', password: oneTime.ann, newPassword: 'a new one of her own' };
    expect(claims(await signInAs(login))).toMatchObject({ preferred_username: 'ann' });
    await expect(signInAs({ ...login, newPassword: 'another one of a thief' })).rejects.toThrow('no code: refused');
    expect((await signInAs({ username: 'ann', password: login.newPassword })).status).toBe(200);
    expect((await applier.users.listGroups({ id: (await find('ann')).id! })).map(({ name }) => name)).toEqual(['developers']);
  });

  test('cannot change the address that the config vouches for while signing in: an allow-list of domains would let them in by another', async () => {
    const profile = { email: 'boss@allowed.example', firstName: 'Eve', lastName: 'L.' };
    expect((await signInAs({ username: 'eve', password: oneTime.eve, newPassword: 'a new one of her own', profile })).status).toBe(200);
    expect(await find('eve')).toMatchObject({ email: 'eve@example.org', emailVerified: true });
  });

  test('is never touched again, not even by another one-time password', async () => {
    expect(await apply({}, { userPasswords: { ...input.userPasswords, ann: 'a password that came later' } })).toEqual({ changes: [], reported: [] });
    expect((await signInAs({ username: 'ann', password: 'a new one of her own' })).status).toBe(200);
  });

  test('stays when the config no longer has them, and is reported until somebody deletes the account', async () => {
    const reported = ['user eve is no longer in the config and was left: disable or delete the account in the admin console'];
    expect(await apply({ users: [ann] })).toEqual({ changes: [], reported });
    await applier.users.del({ id: (await find('eve')).id! });
    expect(await apply({ users: [ann] })).toEqual({ changes: [], reported: [] });
  });
});

describe('a password', () => {
  const set = async (value: string) => {
    const answer = await applier.users.resetPassword({ id: (await find('demo')).id!, credential: { type: 'password', value, temporary: false } }).then(() => undefined, (error: { responseData?: { error?: string } }) => error.responseData?.error);
    return answer;
  };
  test.each([
    ['short', 'eleven-char', 'invalidPasswordMinLengthMessage'],
    ['as long as a book', 'x'.repeat(129), 'invalidPasswordMaxLengthMessage'],
    ['on everybody’s list, whatever its capitals', 'Password1234', 'invalidPasswordBlacklistedMessage'],
    ['the address', 'demo@example.org', 'invalidPasswordNotEmailMessage'],
    ['the one that it was', demo.password, 'invalidPasswordHistoryMessage'],
  ])('cannot be %s', async (_, value, error) => {
    expect(await set(value)).toBe(error);
  });
  test('can be any other', async () => {
    expect(await set('correct horse battery staple')).toBeUndefined();
    demo.password = 'correct horse battery staple';
  });
});

describe('the applier', () => {
  test.each([
    ['manage-realm', { sessions: { ...sessions, accessToken: 301 } }],
    ['manage-clients', { clients: [] }],
    ['manage-users', { users: [ann, { username: 'new', email: 'new@example.org' }] }],
  ])('cannot do its work without %s', async (role, work: Partial<RealmInput>) => {
    await place.recover();
    const master = (await signIn(place.url, 'master', place.bootstrap))!;
    const [client] = await master.clients.find({ realm: REALM, clientId: input.applier.clientId });
    const [management] = await master.clients.find({ realm: REALM, clientId: 'realm-management' });
    const { id } = await master.clients.getServiceAccountUser({ realm: REALM, id: client!.id! });
    const mapping = { realm: REALM, id: id!, clientUniqueId: management!.id! };
    const held = (await master.users.listClientRoleMappings(mapping)).filter(({ name }) => name === role).map(({ id: roleId, name }) => ({ id: roleId!, name: name! }));
    expect(held).toHaveLength(1);
    await master.users.delClientRoleMappings({ ...mapping, roles: held });
    const withoutBootstrap = { bootstrap: { ...input.bootstrap, clientSecret: 'x' }, userPasswords: { ...input.userPasswords, new: 'planted-one-time-new' } };
    await expect(apply(work, withoutBootstrap)).rejects.toThrow(/Keycloak does not let the applier do this/);
    await master.users.addClientRoleMappings({ ...mapping, roles: held });
    expect((await apply({ users: [ann] })).changes).toContain('deleted bootstrap account drawbridge-bootstrap');
  }, 120_000);

  test('reaches no other realm, makes none, and cannot give itself more than it has', async () => {
    const administration = `${place.url}/admin/realms`;
    const ask = async (path: string, init: RequestInit = {}) => (await fetch(`${administration}${path}`, { ...init, headers: { authorization: `Bearer ${await applier.getAccessToken()}`, 'content-type': 'application/json' } })).status;
    expect(await ask('/main')).toBe(200);
    for (const path of ['/master', '/master/users', '/master/clients', '/master/keys']) expect([path, await ask(path)]).toEqual([path, 403]);
    expect(await ask('', { method: 'POST', body: JSON.stringify({ realm: 'other' }) })).toBe(403);
    const [client] = await applier.clients.find({ clientId: input.applier.clientId });
    const [management] = await applier.clients.find({ clientId: 'realm-management' });
    const self = await applier.clients.getServiceAccountUser({ id: client!.id! });
    const more = (await applier.clients.listRoles({ id: management!.id! })).filter(({ name }) => name === 'realm-admin' || name === 'impersonation');
    expect(more).toHaveLength(2);
    for (const role of more) expect([role.name, await ask(`/main/users/${self.id}/role-mappings/clients/${management!.id}`, { method: 'POST', body: JSON.stringify([role]) })]).toEqual([role.name, 403]);
  });
});

describe('lifetimes', () => {
  afterAll(async () => void (await apply({ users: [ann] })));
  const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1_000));

  test('a sign-in that is used outlives its idle time, with offline access and without; one that is not used ends', async () => {
    await apply({ users: [ann], sessions: { ...sessions, accessToken: 2, idle: 6, browserIdle: 6 } });
    for (const scope of ['mcp:read offline_access', 'mcp:read']) {
      let tokens: { refresh_token: string; status: number; error?: string } = await signInAs(demo, scope);
      for (let used = 0; used < 3; used++) {
        await pause(3);
        tokens = await refresh(tokens);
        expect([scope, tokens.status]).toEqual([scope, 200]);
      }
      await pause(8);
      expect([scope, (await refresh(tokens)).error]).toEqual([scope, 'invalid_grant']);
    }
  }, 90_000);

  test('no sign-in outlives its maximum, however much it is used', async () => {
    await apply({ users: [ann], sessions: { ...sessions, accessToken: 2, idle: 6, maximum: 6 } });
    let tokens: { refresh_token: string; status: number; error?: string } = await signInAs(demo);
    for (let used = 0; used < 2; used++) {
      await pause(2);
      tokens = await refresh(tokens);
      expect(tokens.status).toBe(200);
    }
    await pause(3);
    expect((await refresh(tokens)).error).toBe('invalid_grant');
  }, 60_000);

  test('with no reuse allowed, a refresh token works once, and its second use ends the sign-in', async () => {
    await apply({ users: [ann], sessions: { ...sessions, refreshTokenMaxReuse: 0 } });
    const first = await signInAs(demo);
    const second = await refresh(first);
    expect(second.status).toBe(200);
    expect((await refresh(first)).error).toBe('invalid_grant');
    expect((await refresh(second)).error).toBe('invalid_grant');
  }, 60_000);
});

describe('the log of Keycloak', () => {
  let lines: string[];
  beforeAll(async () => {
    const tokens = await signInAs(demo);
    const next = await refresh(tokens);
    await token({ grant_type: 'refresh_token', refresh_token: confidential['refresh token that is none'] = 'eyJhbGciOiJIUzUxMiJ9.planted.refresh' });
    await expect(signInAs({ username: 'demo', password: (confidential['wrong password'] = 'planted-wrong-password') })).rejects.toThrow('no code: refused');
    await applier.users.resetPassword({ id: (await find('ann')).id!, credential: { type: 'password', value: (confidential['password set by an administrator'] = 'planted-by-an-administrator'), temporary: false } });
    await applier.clients.update({ id: (await applier.clients.find({ clientId: 'drawbridge' }))[0]!.id! }, { clientId: 'drawbridge', name: 'Drawbridge' });
    for (const [index, { access_token, refresh_token }] of [tokens, next].entries()) Object.assign(confidential, { [`access token ${index}`]: access_token, [`refresh token ${index}`]: refresh_token });
    tokens.cookies.forEach((cookie, index) => (confidential[`cookie ${index}`] = cookie));
    Object.assign(confidential, { code: tokens.code, 'random part of the code': tokens.code.split('.')[0]!, verifier: tokens.verifier, 'secret of the applier': input.applier.clientSecret, 'bootstrap secret': place.bootstrap.clientSecret });
    lines = (await place.log()).split('\n');
  });
  const event = (type: RegExp) => lines.filter((line) => type.test(line) && /ipAddress="\d+\.\d+\.\d+\.\d+"/.test(line));

  test.each([
    ['a sign-in', /type="LOGIN".*clientId="drawbridge".*userId="[0-9a-f-]{36}".*username="demo"/],
    ['a wrong password', /type="LOGIN_ERROR".*clientId="drawbridge".*error="invalid_user_credentials".*username="demo"/],
    ['a token for a code', /type="CODE_TO_TOKEN".*clientId="drawbridge".*userId="[0-9a-f-]{36}"/],
    ['a refresh', /type="REFRESH_TOKEN".*clientId="drawbridge".*userId="[0-9a-f-]{36}"/],
    ['a refused refresh', /type="REFRESH_TOKEN_ERROR".*clientId="drawbridge".*error="invalid_token"/],
    ['a changed password', /type="UPDATE_CREDENTIAL".*userId="[0-9a-f-]{36}"/],
    ['a password that an administrator set', /operationType="ACTION".*resourceType="USER".*resourcePath="users\/[0-9a-f-]{36}\/reset-password"/],
    ['a client that an administrator changed', /operationType="UPDATE".*clientId="[^"]+".*resourceType="CLIENT"/],
  ])('tells of %s: who, which client, from where', (_, type) => {
    expect(event(type)).not.toEqual([]);
  });

  test('holds no token, code, password, secret or cookie', () => {
    const log = lines.join('\n');
    expect(Object.keys(confidential).filter((what) => log.includes(confidential[what]!))).toEqual([]);
    expect(Object.keys(confidential).length).toBeGreaterThan(12);
  });
});
