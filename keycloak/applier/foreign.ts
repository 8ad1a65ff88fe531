import { MANAGED } from '../realm.ts';
import type { Connection } from './connection.ts';
import type { Report } from './report.ts';

/** What Keycloak puts into every realm by itself. */
const BUILT_IN_CLIENTS = ['account', 'account-console', 'admin-cli', 'broker', 'realm-management', 'security-admin-console'];
const BUILT_IN_SCOPES = [
  ...['acr', 'address', 'AuthnContextClassRef', 'basic', 'email', 'microprofile-jwt', 'offline_access', 'organization', 'phone', 'profile'],
  ...['role_list', 'roles', 'saml_organization', 'service_account', 'web-origins'],
];
/** A client that registered itself has a UUID for its id; its kind is what the realm is for. */
const SELF_REGISTERED = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Reports clients and scopes that people added by hand. They stay as they are. */
export async function reportForeign(admin: Connection, applierId: string, report: Report): Promise<void> {
  for (const { clientId = '', attributes } of await admin.clients.find())
    if (attributes?.[MANAGED] !== 'true' && clientId !== applierId && !BUILT_IN_CLIENTS.includes(clientId) && !SELF_REGISTERED.test(clientId))
      report.reported.push(`client ${clientId} was added by hand`);
  const given = [...(await admin.clientScopes.listDefaultClientScopes()), ...(await admin.clientScopes.listDefaultOptionalClientScopes())].map(({ name }) => name);
  for (const { name = '', attributes } of await admin.clientScopes.find())
    if (attributes?.[MANAGED] !== 'true' && !BUILT_IN_SCOPES.includes(name))
      report.reported.push(`scope ${name} was added by hand${given.includes(name) ? ', and every new client gets it' : ''}`);
}
