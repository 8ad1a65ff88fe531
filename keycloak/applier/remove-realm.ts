import { setTimeout as delay } from 'node:timers/promises';
import { NetworkError } from '@keycloak/keycloak-admin-client';
import { type ClientCredentials, type Connection, MASTER, signIn } from './connection.ts';
import type { Report } from './report.ts';

const ATTEMPTS = 5;
/** In milliseconds. */
const PAUSE = 2_000;

/**
 * Removes a realm that the account has made. One that is not there counts as removed.
 * @throws Error where the account is not accepted, so that nobody can tell
 */
export async function removeRealm(url: string, realm: string, account: ClientCredentials): Promise<Report> {
  for (let attempt = 1; ; attempt++) {
    // A new token each time: one from before the realm went carries rights on what is no more.
    const admin = await signIn(url, MASTER, account);
    if (!admin) throw new Error(`Keycloak does not accept its client ${account.clientId}, as which previews make their realms. Remove the realm ${realm} by hand: npm run admin.`);
    try {
      return await removeOnce(admin, realm);
    } catch (error) {
      // What a killed run had asked for last goes on: two removals of one realm get in each other's way, and Keycloak answers 500.
      if (attempt === ATTEMPTS || !(error instanceof NetworkError) || error.response.status < 500) throw error;
      await delay(PAUSE);
    }
  }
}

async function removeOnce(admin: Connection, realm: string): Promise<Report> {
  if (!(await admin.realms.findOne({ realm }))) return { changes: [], reported: [] };
  await admin.realms.del({ realm });
  return { changes: [`removed realm ${realm}`], reported: [] };
}
