import { text } from 'node:stream/consumers';
import { NetworkError } from '@keycloak/keycloak-admin-client';
import { allClients } from './applier/all-clients.ts';
import { bootstrap } from './applier/bootstrap.ts';
import { applyClients } from './applier/clients.ts';
import { type ClientCredentials, type Connection, signIn, waitForKeycloak } from './applier/connection.ts';
import { applyFirstSignIn } from './applier/first-sign-in.ts';
import { reportForeign } from './applier/foreign.ts';
import { applyIdentityProviders } from './applier/identity-providers.ts';
import { applyRegistrationPolicies } from './applier/registration.ts';
import { inWords, type Report } from './applier/report.ts';
import { applySelfRegistered } from './applier/self-registered.ts';
import { signInAsBefore } from './applier/rotation.ts';
import { applyScopes } from './applier/scopes.ts';
import { applyClientPolicies, applySettings } from './applier/settings.ts';
import { applySigningKeys, removeExpiredKeys } from './applier/signing-keys.ts';
import { applyUsers } from './applier/users.ts';
import { removeRealm } from './applier/remove-realm.ts';
import type { DesiredRealm } from './desired-realm.ts';

/** What the applier reads from its standard input, as JSON. Secrets come this way only. */
export interface ApplierInput {
  /** Keycloak inside the container network, with its path: `http://keycloak:8080/auth`. */
  readonly url: string;
  readonly desired: DesiredRealm;
  /** The applier's own client in the realm. It is made, with this secret, while the bootstrap account is there. */
  readonly applier: ClientCredentials;
  /** Secrets that the client had before: with one of them it lets itself in and takes the new one. */
  readonly formerSecrets: readonly string[];
  /** Who makes the realm: the service account of Keycloak's first start, in the master realm, or one that stays. */
  readonly bootstrap: ClientCredentials & { readonly stays?: boolean };
  /** An account that may make realms of its own, for which there is to be one. */
  readonly previews?: ClientCredentials;
  /** Passwords for the users of the desired realm, by user name. */
  readonly userPasswords: Readonly<Record<string, string>>;
  /** Client secrets for the identity providers of the desired realm, by alias. */
  readonly identityProviderSecrets: Readonly<Record<string, string>>;
}

/** What a run did, in names only. */
export interface Applied {
  readonly changes: readonly string[];
  readonly reported: readonly string[];
}

/**
 * Brings a running Keycloak to the desired realm. A second run changes nothing, and a run that was killed is completed
 * by the next one.
 * @throws Error that names the way back in where Keycloak accepts neither the applier nor the bootstrap account.
 */
export async function apply(input: ApplierInput): Promise<Applied> {
  const report: Report = { changes: [], reported: [] };
  await waitForKeycloak(input.url);
  for (let attempt = 1; ; attempt++) {
    try {
      await bring(input, report);
      return { changes: report.changes.map(inWords), reported: report.reported };
    } catch (error) {
      if (attempt === ATTEMPTS || !mayPass(error)) throw error;
    }
  }
}

const ATTEMPTS = 3;

/**
 * What a killed run had asked for last may be carried out after this one has looked: making a realm takes seconds. And a Keycloak in
 * which several previews make theirs at the same time answers late.
 */
function mayPass(error: unknown): boolean {
  return error instanceof NetworkError ? error.response.status === 409 : (error as Error).name === 'TimeoutError';
}

async function bring(input: ApplierInput, report: Report): Promise<void> {
  const { url, desired, applier } = input;
  await bootstrap(url, desired.realm, applier, input, report);
  const admin = (await signIn(url, desired.realm, applier)) ?? (await signInAsBefore(input, report));
  if (!admin) throw new Error(lockedOut(input));
  await removeExpiredKeys(admin, report);
  await applyAll(admin, input, report);
}

/** All of it, once there is a way in. */
export async function applyAll(admin: Connection, input: ApplierInput, report: Report): Promise<void> {
  const { desired, applier } = input;
  await applySigningKeys(admin, desired, report);
  await applySettings(admin, desired, report);
  await applyScopes(admin, desired, report);
  await applyRegistrationPolicies(admin, desired, report);
  await applyClientPolicies(admin, desired, report);
  const clients = await allClients(admin);
  await applyClients(admin, desired, clients, report);
  await applySelfRegistered(admin, clients, report);
  await applyFirstSignIn(admin, desired, report);
  await applyIdentityProviders(admin, desired, input.identityProviderSecrets, report);
  await applyUsers(admin, desired, input.userPasswords, report);
  await reportForeign(admin, desired.realm, applier.clientId, clients, report);
}

/** Removes the realm, with all who are in it, from a Keycloak that stays. */
async function withdraw({ url, desired, bootstrap: account }: ApplierInput): Promise<Report> {
  await waitForKeycloak(url);
  return removeRealm(url, desired.realm, account);
}

const RECOVER = 'To let the applier in again, run\n`docker exec KEYCLOAK sh /opt/keycloak/recover.sh` with the name of the Keycloak container, then apply again.';

export function lockedOut({ desired, applier, bootstrap: account }: ApplierInput): string {
  if (account.stays) return `Keycloak does not accept its client ${account.clientId}, as which previews make their realms. Was its stack made anew? Then bring the preview up again, which reads the new secret.`;
  return [
    `Keycloak accepts neither the client ${applier.clientId} of the realm ${desired.realm} nor the bootstrap account ${account.clientId}.`,
    `The secret of the one was lost or changed, and the other is gone since the first run. ${RECOVER}`,
  ].join('\n');
}

/** A parser's own message would quote the input, which holds secrets. */
export function parse(json: string): ApplierInput {
  try {
    return JSON.parse(json) as ApplierInput;
  } catch {
    throw new Error('standard input is not JSON.');
  }
}

/** Words for a person, without the request, whose headers hold a token. */
export function explain(error: unknown): string {
  if (error instanceof NetworkError && error.response.status === 403) return `Keycloak does not let the applier do this, since an older version made its account: ${new URL(error.response.url).pathname}. ${RECOVER}`;
  if (error instanceof NetworkError) return `Keycloak answered ${error.response.status} to ${new URL(error.response.url).pathname}: ${error.message} ${JSON.stringify(error.responseData)}`;
  return error instanceof Error ? error.message : String(error);
}

if (import.meta.main) {
  try {
    const input = parse(await text(process.stdin));
    console.log(JSON.stringify(process.argv[2] === 'withdraw' ? await withdraw(input) : await apply(input)));
  } catch (error) {
    console.error(`The realm was not ${process.argv[2] === 'withdraw' ? 'removed' : 'applied'}: ${explain(error)}`);
    process.exitCode = 1;
  }
}
