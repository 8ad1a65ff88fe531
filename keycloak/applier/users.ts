import type { DesiredRealm } from '../desired-realm.ts';
import type { Connection } from './connection.ts';
import type { Report } from './report.ts';

/** Attribute of the realm with the names of the accounts that the code made. */
const MADE = 'drawbridge.users';

/**
 * Makes missing users, each with its password in the same request, so that no killed run leaves one without. A user who
 * is there is never touched: the password may be the person's own by now. One that the config no longer names stays too, and is
 * reported: whoever takes a line out of a file may not mean to end what a person can do.
 */
export async function applyUsers(admin: Connection, { realm, users }: DesiredRealm, passwords: Readonly<Record<string, string>>, report: Report): Promise<void> {
  const find = async (username: string) => (await admin.users.find({ username, exact: true }))[0];
  const wanted = users.map(({ account }) => account.username);
  const made = namesIn(await realmAttributes(admin, realm));
  for (const { account, groups, oneTimePassword } of users) {
    const { username } = account;
    if (await find(username)) continue;
    const password = passwords[username];
    if (!password) throw new Error(`no password was passed for the user ${username}.`);
    await rememberMade(admin, realm, username);
    for (const group of groups) await ensureGroup(admin, group, report);
    const [other] = account.email ? await admin.users.find({ email: account.email, exact: true }) : [];
    if (other) throw new Error(`the user ${username} cannot be made: ${account.email} is the address of the account ${other.username}. Change one of the two, in the config or in the admin console.`);
    await admin.users.create({ ...account, groups: groups.map((group) => `/${group}`), credentials: [{ type: 'password', value: password, temporary: oneTimePassword }] });
    report.changes.push(`created user ${username}`);
  }
  for (const username of made.filter((name) => !wanted.includes(name)))
    if (await find(username)) report.reported.push(`user ${username} is no longer in the config and was left: disable or delete the account in the admin console`);
}

async function realmAttributes(admin: Connection, realm: string): Promise<Record<string, string>> {
  return ((await admin.realms.findOne({ realm }))?.attributes ?? {}) as Record<string, string>;
}

const namesIn = (attributes: Record<string, string>): string[] => (attributes[MADE] ?? '').split(' ').filter(Boolean);

/** Before the account is made: a name too many does no harm. */
async function rememberMade(admin: Connection, realm: string, username: string): Promise<void> {
  const attributes = await realmAttributes(admin, realm);
  const made = namesIn(attributes);
  if (made.includes(username)) return;
  // An update takes away the attributes that it does not mention.
  await admin.realms.update({ realm }, { realm, attributes: { ...attributes, [MADE]: [...made, username].join(' ') } });
}

async function ensureGroup(admin: Connection, name: string, report: Report): Promise<void> {
  const found = await admin.groups.find({ search: name, exact: true });
  if (found.some((group) => group.name === name)) return;
  await admin.groups.create({ name });
  report.changes.push(`created group ${name}`);
}
