import { type ClientCredentials, type Connection, MASTER } from './connection.ts';
import type { Report } from './report.ts';

/** Whoever has it makes realms, and gets all rights on those, and none on any other. */
const CREATE_REALM = 'create-realm';

/** Makes the client as which previews make their realms. */
export async function ensurePreviewsClient(admin: Connection, { clientId, clientSecret }: ClientCredentials, report: Report): Promise<void> {
  const desired = { clientId, name: 'Drawbridge previews', publicClient: false, secret: clientSecret, serviceAccountsEnabled: true, standardFlowEnabled: false, directAccessGrantsEnabled: false, fullScopeAllowed: true };
  const [current] = await admin.clients.find({ realm: MASTER, clientId });
  if (current?.id) await admin.clients.update({ realm: MASTER, id: current.id }, { ...current, ...desired });
  const id = current?.id ?? (await admin.clients.create({ realm: MASTER, ...desired })).id;
  const user = await admin.clients.getServiceAccountUser({ realm: MASTER, id });
  const role = await admin.roles.findOneByName({ realm: MASTER, name: CREATE_REALM });
  if (!user.id || !role?.id) throw new Error(`the realm ${MASTER} has no role ${CREATE_REALM}; this is no Keycloak of ours.`);
  await admin.users.addRealmRoleMappings({ realm: MASTER, id: user.id, roles: [{ id: role.id, name: CREATE_REALM }] });
  if (!current) report.changes.push(`created client ${clientId}`);
}

/** @returns what to do where it is missing, and nobody is there any more who could make it */
export const noPreviews = ({ clientId }: ClientCredentials): string =>
  [`Keycloak does not know the client ${clientId}: drawbridge:previewRealms came after its first start.`, 'Run `docker exec KEYCLOAK sh /opt/keycloak/recover.sh` with the name of the Keycloak container, then apply again.'].join('\n');
