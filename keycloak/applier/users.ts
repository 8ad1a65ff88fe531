import type { DesiredRealm } from '../realm.ts';
import type { Connection } from './connection.ts';
import type { Report } from './report.ts';

/**
 * Makes missing users, each with its password in the same request, so that no killed run leaves one without. A user who
 * is there is never touched: the password may be the person's own by now.
 */
export async function applyUsers(admin: Connection, { users }: DesiredRealm, passwords: Readonly<Record<string, string>>, report: Report): Promise<void> {
  for (const user of users) {
    const username = user.username ?? '';
    const [existing] = await admin.users.find({ username, exact: true });
    if (existing) continue;
    const password = passwords[username];
    if (!password) throw new Error(`no password was passed for the user ${username}.`);
    await admin.users.create({ ...user, credentials: [{ type: 'password', value: password, temporary: false }] });
    report.changes.push(`created user ${username}`);
  }
}
