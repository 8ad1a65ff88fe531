import * as z from 'zod';
import { type Client, inSpecificationOrder } from '../clients/client.ts';
import { type Exchange, jsonOf } from '../exchange.ts';
import { getJson, ofPage, PLAIN_AGENT, type Scene } from '../scene.ts';
import { type Place, reach } from './reach.ts';

const texts = z.array(z.string()).optional();
const endpoint = z.url({ protocol: /^https?$/ });

/** RFC 8414 §2, as far as clients need it. */
const documentSchema = z.looseObject({
  issuer: z.string(),
  authorization_endpoint: endpoint,
  token_endpoint: endpoint,
  registration_endpoint: endpoint.optional(),
  jwks_uri: endpoint.optional(),
  scopes_supported: texts,
  grant_types_supported: texts,
  response_types_supported: texts,
  code_challenge_methods_supported: texts,
  token_endpoint_auth_methods_supported: texts,
  client_id_metadata_document_supported: z.boolean().optional(),
});
export type ServerDocument = z.infer<typeof documentSchema>;

export interface ServerMetadata {
  /** As the resource names it; the MCP server's origin where it names none (MCP 2025-03-26). */
  readonly issuer: string;
  readonly named: boolean;
  readonly place: Place;
  readonly tries: readonly Exchange[];
  readonly found?: Exchange;
  readonly document?: ServerDocument;
  readonly problems: readonly string[];
  /** At a place where this client does not look. */
  readonly elsewhere?: Exchange;
}

export async function serverMetadata(scene: Scene, client: Client, resource: string, named: string | undefined): Promise<ServerMetadata> {
  const url = new URL(resource);
  const issuer = named ?? url.origin;
  const places = client.serverMetadata(new URL(issuer), url);
  const tries: Exchange[] = [];
  for (const place of places) {
    tries.push(await getJson(scene, place, client.agents.discovery, ofPage(client)));
    if (isThere(tries.at(-1)!)) break;
  }
  const found = tries.find(isThere);
  const parsed = found && documentSchema.safeParse(jsonOf(found));
  return {
    issuer,
    named: named !== undefined,
    place: await placeOf(scene, new URL(issuer)),
    tries,
    found,
    document: parsed?.data,
    problems: parsed?.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [],
    elsewhere: found ? undefined : await lookElsewhere(scene, new URL(issuer), url, places),
  };
}

const isThere = (exchange: Exchange): boolean => exchange.answer?.status === 200 && jsonOf(exchange) !== undefined;

// Each host is reached once, whichever client asks.
const places = new WeakMap<Scene, Map<string, Promise<Place>>>();
function placeOf(scene: Scene, url: URL): Promise<Place> {
  const known = places.get(scene) ?? new Map<string, Promise<Place>>();
  places.set(scene, known);
  const place = known.get(url.host) ?? reach(scene.network, url);
  known.set(url.host, place);
  return place;
}

/** Where metadata is found in the field although nobody has to look there: appended to the path, or on a root. */
async function lookElsewhere(scene: Scene, issuer: URL, resource: URL, looked: readonly string[]): Promise<Exchange | undefined> {
  const candidates = [...inSpecificationOrder(issuer), `${issuer.href.replace(/\/$/, '')}/.well-known/oauth-authorization-server`, ...inSpecificationOrder(new URL(issuer.origin)), `${resource.origin}/.well-known/oauth-authorization-server`];
  for (const url of new Set(candidates)) {
    if (looked.includes(url)) continue;
    const exchange = await getJson(scene, url, PLAIN_AGENT);
    if (isThere(exchange)) return exchange;
  }
  return undefined;
}
