import type { Caller } from './caller.ts';
import type { ServerSettings } from './settings.ts';

type Allowlist = NonNullable<ServerSettings['allowlist']>;

/** Whether a caller is on the list: by user name, verified e-mail address or subject, by group, or by the domain of the address. */
export function createAllowlist(list: Allowlist | undefined): (caller: Caller) => boolean {
  if (list === undefined) return () => true;
  // ASCII only: to Unicode U+212A is a k, and whoever may choose a name could choose somebody's with it.
  const fold = (text: string) => (list.caseSensitive ? text : text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()));
  const subjects = new Set(list.users);
  const [users, groups, domains] = [list.users, list.groups, list.domains].map((names) => new Set(names.map(fold)));
  const has = (names: Set<string> | undefined, name: string | undefined) => name !== undefined && names!.has(fold(name));
  // Whoever chooses their own name could choose somebody's address.
  const isAddress = (name: string | undefined) => name?.includes('@') ?? false;
  return ({ subject, username, email, groups: memberOf }) =>
    (!isAddress(username) && has(users, username)) || has(users, email) || subjects.has(subject) || memberOf.some((group) => has(groups, group)) || has(domains, email?.split('@').slice(1).at(-1));
}
