import type ClientRepresentation from '@keycloak/keycloak-admin-client/lib/defs/clientRepresentation.js';
import { type ClientCredentials, type Connection, MASTER, signIn } from './connection.ts';
import { drift } from './drift.ts';
import { ensurePreviewsClient, noPreviews } from './previews-client.ts';
import type { Report } from './report.ts';

/** Roles of `realm-management` that the applier needs for what it does, and no more. */
const APPLIER_ROLES = ['manage-realm', 'manage-clients', 'manage-users', 'manage-identity-providers'];


interface Accounts {
  readonly bootstrap: ClientCredentials & { readonly stays?: boolean };
  readonly previews?: ClientCredentials;
}

/**
 * Uses the bootstrap account of Keycloak's first start, as long as it is there, to make the realm and the applier's own
 * client; then deletes it. Its presence means that this has not been finished, whatever a killed run left behind, and
 * someone who lost the applier's secret creates it again to have all this done once more. One that stays is somebody's who makes realms
 * beside that of the Keycloak's own stack.
 */
export async function bootstrap(url: string, realm: string, applier: ClientCredentials, { bootstrap: account, previews }: Accounts, report: Report): Promise<void> {
  const first = await signIn(url, MASTER, account);
  if (!first) {
    if (previews && !(await signIn(url, MASTER, previews))) throw new Error(noPreviews(previews));
    return;
  }
  if (!(await first.realms.findOne({ realm }))) {
    await first.realms.create({ realm, enabled: true });
    report.changes.push(`created realm ${realm}`);
  }
  // A token from before the realm existed carries no rights on it.
  const admin = await signIn(url, MASTER, account);
  if (!admin) throw new Error('the bootstrap account disappeared while it was in use; run the applier again.');
  const id = await ensureApplierClient(admin, realm, applier, report);
  await ensureApplierRoles(admin, realm, id, report);
  if (previews) await ensurePreviewsClient(admin, previews, report);
  if (account.stays) return;
  // Last, so that a run killed anywhere before this starts over.
  const [self] = await admin.clients.find({ realm: MASTER, clientId: account.clientId });
  if (self?.id) await admin.clients.del({ realm: MASTER, id: self.id });
  report.changes.push(`deleted bootstrap account ${account.clientId}`);
}

async function ensureApplierClient(admin: Connection, realm: string, { clientId, clientSecret }: ClientCredentials, report: Report): Promise<string> {
  const desired: ClientRepresentation = {
    clientId,
    name: 'Drawbridge realm applier',
    enabled: true,
    publicClient: false,
    clientAuthenticatorType: 'client-secret',
    secret: clientSecret,
    serviceAccountsEnabled: true,
    standardFlowEnabled: false,
    implicitFlowEnabled: false,
    directAccessGrantsEnabled: false,
    fullScopeAllowed: true,
  };
  const [current] = await admin.clients.find({ realm, clientId });
  if (!current?.id) {
    report.changes.push(`created client ${clientId}`);
    return (await admin.clients.create({ realm, ...desired, defaultClientScopes: ['basic', 'roles'], optionalClientScopes: [] })).id;
  }
  if (drift(desired, current).length > 0) {
    await admin.clients.update({ realm, id: current.id }, { ...current, ...desired });
    report.changes.push(`reset client ${clientId}`);
  }
  return current.id;
}

async function ensureApplierRoles(admin: Connection, realm: string, id: string, report: Report): Promise<void> {
  const user = await admin.clients.getServiceAccountUser({ realm, id });
  const [management] = await admin.clients.find({ realm, clientId: 'realm-management' });
  if (!user.id || !management?.id) throw new Error(`realm ${realm} has no realm-management client; this is not a realm that Keycloak made.`);
  const mapping = { realm, id: user.id, clientUniqueId: management.id };
  const missing = (await admin.users.listAvailableClientRoleMappings(mapping)).flatMap(({ id: roleId, name }) =>
    roleId && name && APPLIER_ROLES.includes(name) ? [{ id: roleId, name }] : [],
  );
  if (missing.length === 0) return;
  await admin.users.addClientRoleMappings({ ...mapping, roles: missing });
  report.changes.push(`granted ${missing.map(({ name }) => name).join(', ')}`);
}
