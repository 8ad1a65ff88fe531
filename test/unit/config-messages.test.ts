import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { examples } from '../../infra/config/examples.ts';
import { keyProblems } from '../../infra/config/namespace.ts';
import { problemsOf } from '../support/config-problems.ts';

const ann = { username: 'ann', email: 'ann@example.org' };
const files = { name: 'files', path: '/files', scopes: ['files:read'] };

describe('every problem at once', () => {
  it('of a list: what entries break together is said beside one that is itself wrong, at the places where they stand', () => {
    expect(problemsOf({ users: [{ username: 'bob' }, ann, { ...ann, email: 'other@example.org' }] })).toEqual([
      expect.stringMatching(/^users\[0\]\.email is missing/),
      expect.stringMatching(/^users\[2\]\.username is taken/),
    ]);
    expect(problemsOf({ servers: [{ name: 'broken' }, { ...files, tools: { write: 'files:write' } }] })).toEqual([
      expect.stringMatching(/^servers\[0\]\.path is missing/),
      expect.stringMatching(/^servers\[1\]\.tools\.write names the scope files:write, which servers\[1\]\.scopes does not list/),
    ]);
  });

  it('of the redirect URIs of a client that lacks something else', () => {
    expect(problemsOf({ clients: ['claud', { redirectUris: ['https://a.example/*'] }] })).toEqual([
      expect.stringMatching(/^clients\[0\] is none of/),
      expect.stringMatching(/^clients\[1\]\.id is missing/),
      expect.stringMatching(/^clients\[1\]\.redirectUris\[0\] has a wildcard/),
    ]);
  });

  it('does not take a list of which nothing is right for an empty one', () => {
    expect(problemsOf({ clients: ['claud'] })).toHaveLength(1);
  });
});

describe('a problem', () => {
  it.each([
    [{ users: [{ username: 'ann' }] }, 'users[0].email is missing: for example ann@example.org'],
    [{ users: [{ email: 'ann@example.org' }] }, 'users[0].username is missing: for example ann'],
    [{ users: null }, 'users is empty: give it a value, for example [{ username: ann, email: ann@example.org }], or leave it out'],
    [{ clients: [{ id: 'own' }] }, 'clients[0].redirectUris is missing: for example [https://app.example.org/callback]'],
    [{ authorizationServer: {} }, 'authorizationServer.issuer is missing: for example https://login.example.net'],
    [{ bearerTokens: { ann: {} }, auth: 'bearer' }, 'bearerTokens.ann.secret is missing'],
    [{ users: 'ann' }, 'users must be a list, for example [{ username: ann, email: ann@example.org }]'],
    [{ users: [{ ...ann, groups: 'developers' }] }, 'users[0].groups must be a list, for example [developers]'],
    [{ limits: [] }, 'limits must be a map, for example { perUser: 600 }'],
    [{ limits: { perUser: '600' } }, 'limits.perUser must be a number, without quotes'],
    [{ limits: { perUser: 1.5 } }, 'limits.perUser must be a whole number, without quotes'],
    [{ realm: 5 }, 'realm must be a text: put a number or a true in quotes'],
    [{ allowlist: { users: [''] } }, 'allowlist.users[0] is empty'],
    [{ users: [{ ...ann, mail: 'x' }] }, 'users[0].mail is not a known key: remove it or correct its spelling; known keys: username, email, firstName, lastName, groups'],
    [{ clients: [{ id: 'own', redirectUris: ['https://a.example/'], redirects: 1 }] }, 'clients[0].redirects is not a known key: remove it or correct its spelling; known keys: id, name, redirectUris'],
  ])('%j says what is missing, of the wrong kind, or unknown, and what there may be', (raw, problem) => {
    expect(problemsOf(raw)).toEqual([problem]);
  });

  it.each(Object.entries(examples))('of %s has an example that is right', (path, example) => {
    const value = path.split('.').reduceRight<unknown>((inner, key, index) => {
      const nested = { [key]: inner };
      return index > 0 && ['servers', 'clients', 'users'].includes(path.split('.')[index - 1]!) ? [nested] : nested;
    }, parse(example)) as Record<string, unknown>;
    const secrets = Object.fromEntries(['ann', 'files', 'github'].map((name) => [name, '0123456789abcdef0123456789abcdef']));
    const at = new RegExp(`^${path.replaceAll('.', '(\\[0\\])?\\.')}[. [].*(must be|is no |is none|is not )`);
    expect(problemsOf({ profile: 'preview', secrets, ...value }).filter((problem) => at.test(problem))).toEqual([]);
  });
});

describe('the keys of a stack’s file', () => {
  it('may be written without the namespace, and beside those of providers', () => {
    expect(keyProblems(['drawbridge:host', 'clients', 'docker:host', 'pulumi:tags', 'cloudflare:apiToken', 'aws:region'], 'drawbridge')).toEqual([]);
  });

  it('are not there twice', () => {
    expect(keyProblems(['drawbridge:clients', 'clients'], 'drawbridge')).toEqual([{ path: 'clients', message: 'is there twice, as drawbridge:clients and as clients: remove one' }]);
  });

  it.each(['drawbrige', 'drawbirdge', 'Drawbridge', 'drawbridges', 'draw-bridge'])('are not of the namespace %s, which nothing reads', (written) => {
    expect(keyProblems([`${written}:users`], 'drawbridge')).toEqual([{ path: 'users', message: `is written as ${written}:users, which nothing reads: write drawbridge:users` }]);
  });
});
