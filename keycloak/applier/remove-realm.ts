import { type ClientCredentials, MASTER, signIn } from './connection.ts';
import type { Report } from './report.ts';

/**
 * Removes a realm that the account has made. One that is not there counts as removed.
 * @throws Error where the account is not accepted, so that nobody can tell
 */
export async function removeRealm(url: string, realm: string, account: ClientCredentials): Promise<Report> {
  const admin = await signIn(url, MASTER, account);
  if (!admin) throw new Error(`Keycloak does not accept its client ${account.clientId}, as which previews make their realms. Remove the realm ${realm} by hand: npm run admin.`);
  // One that somebody else has made is answered with 403, and one that is not there with 404.
  if (!(await admin.realms.findOne({ realm }))) return { changes: [], reported: [] };
  await admin.realms.del({ realm });
  return { changes: [`removed realm ${realm}`], reported: [] };
}
