import type ClientRepresentation from '@keycloak/keycloak-admin-client/lib/defs/clientRepresentation.js';
import { removeMappers } from './clients.ts';
import type { Connection } from './connection.ts';
import { drift } from './drift.ts';
import { type Report, reset } from './report.ts';

/** Attribute that the registration policy gives to whoever registers (policy/SelfRegistered.java). */
const REGISTERED = 'drawbridge.registered';

/** What the registration policies see to, and a person at the admin console may have undone. */
const restricted: ClientRepresentation = {
  consentRequired: true,
  fullScopeAllowed: false,
  implicitFlowEnabled: false,
  directAccessGrantsEnabled: false,
  serviceAccountsEnabled: false,
};

/** Clients that registered themselves go on asking for consent, and get tokens by sign-in alone. */
export async function applySelfRegistered(admin: Connection, clients: readonly ClientRepresentation[], report: Report): Promise<void> {
  for (const client of clients) {
    if (client.attributes?.[REGISTERED] === undefined) continue;
    const paths = drift(restricted, client);
    if (paths.length > 0) {
      await admin.clients.update({ id: client.id! }, { ...client, ...restricted });
      report.changes.push(reset(`client ${client.clientId}`, paths));
    }
    await removeMappers(admin, client, report);
  }
}
