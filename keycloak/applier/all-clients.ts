import type ClientRepresentation from '@keycloak/keycloak-admin-client/lib/defs/clientRepresentation.js';
import type { Connection } from './connection.ts';

const PAGE = 100;

/** All clients, page by page: strangers can register many, and one answer with all of them could take longer than a request may. */
export async function allClients(admin: Connection): Promise<ClientRepresentation[]> {
  const clients: ClientRepresentation[] = [];
  for (;;) {
    const page = await admin.clients.find({ first: clients.length, max: PAGE });
    if (page.length === 0) return clients;
    clients.push(...page);
  }
}
