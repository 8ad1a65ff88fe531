import type { Client, Discovered } from '../clients/client.ts';
import { type Exchange, jsonOf } from '../exchange.ts';
import { ofPage, postJson, type Scene } from '../scene.ts';
import type { ServerDocument } from './server-metadata.ts';

/** How a client comes to its id. */
export interface Registration {
  /** `document`: its URL is its id (CIMD); `dynamic`: RFC 7591; `own`: its user gives it one; `none`: there is no way but the last. */
  readonly way: 'document' | 'dynamic' | 'own' | 'none';
  readonly clientId?: string;
  /** Made only where registering is allowed. */
  readonly exchange?: Exchange;
  /** Of the deletion (RFC 7592 §2.3). */
  readonly deletion?: Exchange;
  /** What a browser asks before it lets a page register (Fetch, CORS preflight). */
  readonly preflight?: Exchange;
}

export async function registration(scene: Scene, client: Client, document: ServerDocument, found: Discovered): Promise<Registration> {
  if (scene.clientId !== undefined) return { way: 'own', clientId: scene.clientId };
  const { url, needsNone } = client.document ?? {};
  if (url && document.client_id_metadata_document_supported && (!needsNone || found.authMethods.includes('none'))) return { way: 'document', clientId: url };
  const endpoint = document.registration_endpoint;
  if (endpoint === undefined) return { way: 'none' };
  const preflight = client.origin ? await scene.exchanges.make({ method: 'OPTIONS', url: endpoint, headers: { 'user-agent': client.agents.discovery, origin: client.origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' } }) : undefined;
  if (!scene.register) return { way: 'dynamic', preflight };
  const exchange = await scene.exchanges.make(postJson(endpoint, client.agents.discovery, { ...client.registration(found), redirect_uris: client.redirectUris }, ofPage(client)));
  const { client_id } = jsonOf(exchange) ?? {};
  return { way: 'dynamic', preflight, exchange, clientId: typeof client_id === 'string' ? client_id : undefined };
}

/** Deletes what was registered, where the answer says how (RFC 7592): nowhere but where it was registered, whatever a server names. */
export async function unregister(scene: Scene, client: Client, { exchange }: Registration): Promise<Exchange | undefined> {
  const { registration_client_uri: url, registration_access_token: token } = (exchange && jsonOf(exchange)) ?? {};
  if (typeof url !== 'string' || typeof token !== 'string' || !URL.canParse(url) || new URL(url).origin !== new URL(exchange!.ask.url).origin) return undefined;
  return scene.exchanges.fresh({ method: 'DELETE', url, headers: { 'user-agent': client.agents.discovery, authorization: `Bearer ${token}` } });
}
