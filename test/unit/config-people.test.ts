import { describe, expect, it } from 'vitest';
import { parseConfig, warningsOf } from '../../infra/config.ts';
import { problemsOf } from '../support/config-problems.ts';

const ann = { username: 'ann', email: 'ann@example.org' };
const inProduction = (raw: Record<string, unknown>) => problemsOf({ profile: 'production', host: 'mcp.example.org', ...raw });

describe('sessions', () => {
  it('are given as lengths of time, and kept in seconds; what is not given keeps its default', () => {
    const { sessions } = parseConfig({ profile: 'local', sessions: { accessToken: '15m', idle: '14d', refreshTokenMaxReuse: 0 } });
    expect(sessions).toEqual({ accessToken: 900, idle: 14 * 86_400, maximum: 90 * 86_400, browserIdle: 12 * 3_600, browserMaximum: 7 * 86_400, refreshTokenMaxReuse: 0 });
  });

  it('of seconds are for profile local', () => {
    const sessions = { accessToken: '5s' };
    expect(problemsOf({ sessions })).toEqual([]);
    expect(inProduction({ sessions })).toEqual(['sessions.accessToken must be at least 1m: only profile local takes seconds']);
  });

  it.each([
    ['a number without a unit', { idle: 30 }, /^sessions\.idle is no length of time: write 5m, 12h or 30d/],
    ['a unit that there is not', { idle: '2w' }, /^sessions\.idle is no length of time/],
    ['no time at all', { idle: '0d' }, /^sessions\.idle is no length of time/],
    ['an access token for longer than an hour', { accessToken: '61m' }, /^sessions\.accessToken must be at most 1h: .* stolen/],
    ['a sign-in for longer than a year', { maximum: '366d' }, /^sessions\.maximum must be at most 365d/],
    ['a client that is idle for longer than it may be signed in', { idle: '30d', maximum: '7d' }, /^sessions\.idle is longer than sessions\.maximum/],
    ['a browser that is idle for longer than it may be signed in', { browserIdle: '8d' }, /^sessions\.browserIdle is longer than sessions\.browserMaximum/],
    ['a sign-in that is over before its first access token', { accessToken: '30m', idle: '20m' }, /^sessions\.accessToken is longer than sessions\.idle/],
    ['two reuses', { refreshTokenMaxReuse: 2 }, /^sessions\.refreshTokenMaxReuse is neither 0 nor 1/],
    ['a lifetime that there is not', { refreshToken: '1d' }, /^sessions\.refreshToken is not a known key/],
  ])('cannot be %s', (_, sessions, problem) => {
    expect(problemsOf({ sessions })).toEqual([expect.stringMatching(problem)]);
  });
});

describe('users', () => {
  it('have a name and an address, and may have more', () => {
    const users = [ann, { username: 'bob', email: 'Bob@Example.org', firstName: 'Bob', lastName: 'B.', groups: ['developers'] }];
    expect(parseConfig({ profile: 'local', users }).users).toEqual([{ ...ann, groups: [] }, { ...users[1], email: 'bob@example.org' }]);
  });

  it.each([
    ['with capitals, which Keycloak would not keep', [{ ...ann, username: 'Ann' }], /^users\[0\]\.username must be 3 to 64 small letters/],
    ['without an address', [{ username: 'ann' }], /^users\[0\]\.email is missing: for example ann@example\.org/],
    ['twice', [ann, { ...ann, email: 'other@example.org' }], /^users\[1\]\.username is taken: ann is in the list already/],
    ['with the address of another', [ann, { ...ann, username: 'eve' }], /^users\[1\]\.email is taken/],
    ['with the name of the test user', [{ ...ann, username: 'demo' }], /^users\[0\]\.username is taken: profile local has a user demo of its own/],
    ['with a name that an account of an identity provider would have', [{ ...ann, username: 'github.ann' }], /^users\[0\]\.username is what an account of the identity provider github is called: .* not begin with github\./],
    ['in a group that is a path', [{ ...ann, groups: ['a/b'] }], /^users\[0\]\.groups\[0\] is no name of a group/],
    ['with a password, which is no matter of a file', [{ ...ann, password: 'x' }], /^users\[0\]\.password is not a known key/],
  ])('cannot be someone %s', (_, users, problem) => {
    expect(problemsOf({ users })).toEqual([expect.stringMatching(problem)]);
  });

  it.each(['Smith (IT)', 'O/Neil', 'Müller & Co', 'Ann #2', 'Dr. Who?', 'a\nb', '§', '[', '\\', '\u0085'])('cannot have the name %s, which Keycloak refuses', (lastName) => {
    expect(problemsOf({ users: [{ ...ann, lastName }] })).toEqual([expect.stringMatching(/^users\[0\]\.lastName has a character that Keycloak takes in no name/)]);
  });

  it.each(['O’Neil', "D'Arcy", 'Müller-Lüdenscheidt', 'B.', '李', 'A, Jr.'])('may have the name %s', (lastName) => {
    expect(problemsOf({ users: [{ ...ann, lastName }] })).toEqual([]);
  });

  it('may be called demo in production, which has no test user', () => {
    expect(inProduction({ users: [{ ...ann, username: 'demo' }] })).toEqual([]);
  });

  it('need the Keycloak of the stack', () => {
    const problem = 'users are accounts of the Keycloak of the stack, and this stack has none: remove them';
    expect(problemsOf({ auth: 'bearer', users: [ann] })).toEqual([problem]);
    expect(problemsOf({ authorizationServer: { issuer: 'https://login.example.net' }, users: [ann] })).toEqual([problem]);
  });
});

describe('groups', () => {
  const warnings = (raw: Record<string, unknown>) => warningsOf(parseConfig({ profile: 'local', ...raw }));
  const bob = { username: 'bob', email: 'bob@example.org' };

  it('of an allow-list in which none of the users is are warned of, once: they may be made in the admin console', () => {
    const users = [{ ...ann, groups: ['developers'] }];
    expect(warnings({ users, allowlist: { groups: ['Developers'] } })).toEqual([]);
    expect(warnings({ users, allowlist: { groups: ['developer'] }, servers: ['a', 'b'].map((name) => ({ name, path: `/${name}`, scopes: [name] })) })).toEqual([expect.stringMatching(/^An allowlist lets in the group developer, in which none/)]);
    expect(warnings({ users, allowlist: { groups: ['Developers'], caseSensitive: true } })).toHaveLength(1);
    expect(warnings({ allowlist: { groups: ['developers'] } }), 'with no users, all groups are the admin console’s').toEqual([]);
  });

  it('that differ in their capitals only are warned of', () => {
    expect(warnings({ users: [{ ...ann, groups: ['developers'] }, { ...bob, groups: ['Developers', 'developers'] }] })).toEqual([expect.stringMatching(/^drawbridge:users has the group Developers in other capitals too/)]);
  });
});

describe('names of an allow-list', () => {
  const warned = (config: object) => warningsOf(parseConfig({ host: 'mcp.example.org', ...config })).filter((warning) => warning.startsWith('An allowlist lets in'));
  const github = { identityProviders: { github: { clientId: 'x', clientSecret: { secret: 'github' } } }, secrets: { github: 'x' } };
  const ann = { users: [{ username: 'ann', email: 'ann@example.org' }] };

  it('that nobody has are said, with how accounts of providers are called', () => {
    expect(warned({ ...github, allowlist: { users: ['octocat'] } })).toEqual(['An allowlist lets in octocat, who is none of drawbridge:users. Accounts of a provider are called github.NAME. Correct its spelling, or make the account in the admin console.']);
    expect(warned({ ...ann, allowlist: { users: ['bob'] } })).toEqual([expect.stringContaining('lets in bob, who is none of drawbridge:users. Correct')]);
  });

  it.each([
    [{ ...github, allowlist: { users: ['github.octocat'] } }],
    [{ ...ann, allowlist: { users: ['Ann'] } }],
    [{ profile: 'preview', allowlist: { users: ['demo'] } }],
    [{ authorizationServer: { issuer: 'https://login.example.net' }, allowlist: { users: ['anyone'] } }],
  ])('that somebody has, or may have, are not: %j', (config) => {
    expect(warned(config)).toEqual([]);
  });
});

describe('names of secrets', () => {
  it.each(["a'; touch x; '", 'a.b', ''])('are nothing that a shell or a path of Pulumi’s config could read otherwise: %j', (secret) => {
    expect(() => parseConfig({ host: 'mcp.example.org', auth: 'bearer', bearerTokens: { bob: { secret } }, secrets: { [secret]: 'x' } })).toThrow(/must be 1 to 64 letters, digits, _ and -/);
  });
});
