import type ClientRepresentation from '@keycloak/keycloak-admin-client/lib/defs/clientRepresentation.js';
import { BUILT_IN_MAPPERS, BUILT_IN_SCOPES } from '../built-in-scopes.ts';
import { MANAGED } from '../desired-realm.ts';
import type { Connection } from './connection.ts';
import type { Report } from './report.ts';

/** What Keycloak puts into every realm by itself. */
const BUILT_IN_CLIENTS = ['account', 'account-console', 'admin-cli', 'broker', 'realm-management', 'security-admin-console'];
/** A client that came by itself has a UUID for its id, or the URL of its metadata document; its kind is what the realm is for. */
const SELF_REGISTERED = /^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|https?:\/\/.*)$/;

/** What Keycloak lets everyone who has an account do. */
const DEFAULT_ROLES = ['offline_access', 'uma_authorization', 'view-profile', 'manage-account'];

/** Reports what people added by hand. It stays as it is. */
export async function reportForeign(admin: Connection, realm: string, applierId: string, clients: readonly ClientRepresentation[], report: Report): Promise<void> {
  for (const { clientId = '', attributes } of clients)
    if (attributes?.[MANAGED] !== 'true' && clientId !== applierId && !BUILT_IN_CLIENTS.includes(clientId) && !SELF_REGISTERED.test(clientId))
      report.reported.push(`client ${clientId} was added by hand`);
  const given = [...(await admin.clientScopes.listDefaultClientScopes()), ...(await admin.clientScopes.listDefaultOptionalClientScopes())].map(({ name }) => name);
  for (const { name = '', attributes, protocolMappers = [] } of await admin.clientScopes.find()) {
    if (attributes?.[MANAGED] === 'true') continue;
    for (const mapper of protocolMappers)
      if (BUILT_IN_MAPPERS[name] && BUILT_IN_MAPPERS[name][mapper.name ?? ''] !== mapper.protocolMapper) report.reported.push(`mapper ${mapper.name} of scope ${name} was added by hand: tokens say what it says`);
    if (!BUILT_IN_SCOPES.includes(name))
      report.reported.push(`scope ${name} was added by hand${given.includes(name) ? ', and every new client gets it' : ''}`);
  }
  for (const { alias, config } of await admin.identityProviders.find({ realmOnly: false }))
    if (config?.[MANAGED] !== 'true') report.reported.push(`identity provider ${alias} was added by hand, and the front does not let its sign-in through`);
  const { defaultRole } = (await admin.realms.findOne({ realm })) ?? {};
  for (const { name = '' } of await admin.roles.getCompositeRoles({ id: defaultRole!.id! }))
    if (!DEFAULT_ROLES.includes(name)) report.reported.push(`role ${name} was given to everyone by hand`);
  if ((await admin.users.getProfile()).unmanagedAttributePolicy) report.reported.push('attributes that the user profile does not name were allowed by hand');
}
