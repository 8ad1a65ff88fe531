import { z } from 'zod';
import type { Config } from '../config.ts';
import { identityProviders } from './identity-providers.ts';
import { isForeign } from './authorization-server.ts';
import type { ConfigProblem } from './rules.ts';
import type { Parsed } from './schema.ts';

// Keycloak keeps names in small letters.
const username = z.string().regex(/^[a-z0-9][a-z0-9._@+-]{2,63}$/, 'must be 3 to 64 small letters, digits and . _ @ + -');
// Keycloak's person-name-prohibited-characters.
const personName = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^<>&"$%!#?§;*~/\\|^=[\]{}()\p{Cc}\u2028\u2029]+$/u, 'has a character that Keycloak takes in no name: leave out < > & " $ % ! # ? § ; * ~ / \\ | ^ = [ ] { } ( )');

/** Someone for whom the stack makes an account. */
export const user = z.strictObject({
  username,
  email: z.email('is no e-mail address').transform((address) => address.toLowerCase()),
  firstName: personName.optional(),
  lastName: personName.optional(),
  /** Names of Keycloak groups; one that is missing is made. */
  groups: z.array(z.string().regex(/^[^/]{1,255}$/, 'is no name of a group: write it without slashes')).default([]),
});

/** The user of profiles `local` and `preview` that scripts and tests sign in with. */
export const testUsername = 'demo';

const aliases = Object.keys(identityProviders.shape);

export function userRules({ users = [], auth, authorizationServer, profile }: Partial<Pick<Parsed, 'users' | 'auth' | 'authorizationServer' | 'profile'>>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (users.length > 0 && ((auth && auth !== 'oauth') || isForeign(authorizationServer)))
    problems.push({ path: 'users', message: 'are accounts of the Keycloak of the stack, and this stack has none: remove them' });
  users.forEach((one, index) => {
    for (const key of ['username', 'email'] as const)
      if (users.slice(0, index).some((other) => other[key] === one[key])) problems.push({ path: `users[${index}].${key}`, message: `is taken: ${one[key]} is in the list already` });
    // Who signs in there under that name would find the account taken, or with the password be linked to it.
    const alias = aliases.find((each) => one.username.startsWith(`${each}.`));
    if (alias) problems.push({ path: `users[${index}].username`, message: `is what an account of the identity provider ${alias} is called: choose a name that does not begin with ${alias}.` });
    if (one.username === testUsername && profile && profile !== 'production')
      problems.push({ path: `users[${index}].username`, message: `is taken: profile ${profile} has a user ${testUsername} of its own` });
  });
  return problems;
}

/** Groups that look like a slip. The admin console can make others, and put people into them. */
export function groupWarnings({ users, servers }: Pick<Config, 'users' | 'servers'>): string[] {
  if (users.length === 0) return [];
  const made = [...new Set(users.flatMap(({ groups }) => groups))];
  const small = made.map((group) => group.toLowerCase());
  const twins = made.filter((group, index) => small.indexOf(group.toLowerCase()) !== index);
  const listed = servers.flatMap(({ allowlist }) => allowlist?.groups.filter((group) => !(allowlist.caseSensitive ? made.includes(group) : small.includes(group.toLowerCase()))) ?? []);
  return [
    ...twins.map((group) => `drawbridge:users has the group ${group} in other capitals too: for Keycloak these are two groups. Write it in one way.`),
    ...[...new Set(listed)].map((group) => `An allowlist lets in the group ${group}, in which none of drawbridge:users is. Correct its spelling, or put people into it in the admin console.`),
  ];
}

/** Names of allow-lists that nobody has: a person at GitHub is `github.octocat`, and not `octocat`. */
export function allowlistWarnings({ auth, authorizationServer, profile, users, identityProviders, servers }: Config): string[] {
  if (auth !== 'oauth' || isForeign(authorizationServer)) return [];
  const own = [...users.map(({ username }) => username), ...(profile === 'production' ? [] : [testUsername])];
  const providers = Object.keys(identityProviders);
  const isSomebody = (name: string) => own.includes(name.toLowerCase()) || providers.some((alias) => name.toLowerCase().startsWith(`${alias}.`));
  const listed = servers.flatMap(({ allowlist }) => allowlist?.users.filter((name) => !isSomebody(name)) ?? []);
  const named = providers.length > 0 ? ` Accounts of a provider are called ${providers.map((alias) => `${alias}.NAME`).join(' or ')}.` : '';
  return [...new Set(listed)].map((name) => `An allowlist lets in ${name}, who is none of drawbridge:users.${named} Correct its spelling, or make the account in the admin console.`);
}
