import type ClientRepresentation from '@keycloak/keycloak-admin-client/lib/defs/clientRepresentation.js';
import { type DesiredRealm, MANAGED } from '../desired-realm.ts';
import type { Connection } from './connection.ts';
import { drift } from './drift.ts';
import { type Report, reset } from './report.ts';

/** What Keycloak itself writes into the attributes of a client. */
const KEYCLOAKS_ATTRIBUTES = ['realm_client', 'client.secret.creation.time', 'backchannel.logout.session.required', 'backchannel.logout.revoke.offline.tokens'];

/** Clients that need not register. One that the code no longer wants is deleted, and with it every sign-in through it. */
export async function applyClients(admin: Connection, { clients }: DesiredRealm, current: readonly ClientRepresentation[], report: Report): Promise<void> {
  for (const client of clients) await applyClient(admin, client, current.find(({ clientId }) => clientId === client.clientId), report);
  for (const { id, clientId, attributes } of current)
    if (attributes?.[MANAGED] === 'true' && !clients.some((client) => client.clientId === clientId)) {
      await admin.clients.del({ id: id! });
      report.changes.push(`deleted client ${clientId}`);
    }
}

async function applyClient(admin: Connection, desired: ClientRepresentation, current: ClientRepresentation | undefined, report: Report): Promise<void> {
  if (!current?.id) {
    await admin.clients.create(desired);
    report.changes.push(`created client ${desired.clientId}`);
    return;
  }
  const { defaultClientScopes = [], optionalClientScopes = [], ...client } = desired;
  const id = current.id;
  const whole = emptied(client, current);
  const paths = drift(whole, current);
  if (paths.length > 0) {
    await admin.clients.update({ id }, { ...current, ...whole });
    report.changes.push(reset(`client ${desired.clientId}`, paths));
  }
  await removeMappers(admin, current, report);
  // An update of a client leaves its scopes alone; they are moved one by one.
  const scopeIds = new Map((await admin.clientScopes.find()).map(({ name, id: scopeId }) => [name, scopeId!]));
  const held = { default: current.defaultClientScopes ?? [], optional: current.optionalClientScopes ?? [] };
  for (const name of [...held.default, ...held.optional, ...defaultClientScopes, ...optionalClientScopes]) {
    const [isDefault, isOptional] = [held.default.includes(name), held.optional.includes(name)];
    const [wantDefault, wantOptional] = [defaultClientScopes.includes(name), optionalClientScopes.includes(name)];
    const clientScopeId = scopeIds.get(name);
    if (!clientScopeId || (isDefault === wantDefault && isOptional === wantOptional)) continue;
    if (isDefault) await admin.clients.delDefaultClientScope({ id, clientScopeId });
    if (isOptional) await admin.clients.delOptionalClientScope({ id, clientScopeId });
    if (wantDefault) await admin.clients.addDefaultClientScope({ id, clientScopeId });
    if (wantOptional) await admin.clients.addOptionalClientScope({ id, clientScopeId });
    report.changes.push(reset(`client ${desired.clientId}`, [{ path: `scope ${name}`, expected: assignment(wantDefault, wantOptional), found: assignment(isDefault, isOptional) }]));
  }
}

const assignment = (byDefault: boolean, optional: boolean): string => (byDefault ? 'default' : optional ? 'optional' : 'none');

/** With an empty text, which takes it away, for all that people added: one more attribute is a further grant, one more flow another way to sign in. */
function emptied(client: ClientRepresentation, { attributes = {}, authenticationFlowBindingOverrides = {} }: ClientRepresentation): ClientRepresentation {
  const nothing = (keys: string[]) => Object.fromEntries(keys.map((key) => [key, '']));
  return {
    ...client,
    rootUrl: '',
    baseUrl: '',
    adminUrl: '',
    attributes: { ...nothing(Object.keys(attributes).filter((key) => !KEYCLOAKS_ATTRIBUTES.includes(key))), ...client.attributes },
    authenticationFlowBindingOverrides: nothing(Object.keys(authenticationFlowBindingOverrides)),
  };
}

/** What tokens say is a matter of the scopes. */
export async function removeMappers(admin: Connection, { id, clientId, protocolMappers = [] }: ClientRepresentation, report: Report): Promise<void> {
  for (const mapper of protocolMappers) {
    await admin.clients.delProtocolMapper({ id: id!, mapperId: mapper.id! });
    report.changes.push(`deleted mapper ${mapper.name} of client ${clientId}`);
  }
}
