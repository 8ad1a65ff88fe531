import type { Client, Discovered } from './clients/client.ts';
import type { Exchange } from './exchange.ts';
import type { Scene } from './scene.ts';
import { authorize, type Authorize } from './steps/authorize.ts';
import { call, type Call, hangUp } from './steps/call.ts';
import { challenge, type Challenge } from './steps/challenge.ts';
import type { Place } from './steps/reach.ts';
import { registration, type Registration, unregister } from './steps/registration.ts';
import { resourceMetadata, type ResourceMetadata } from './steps/resource-metadata.ts';
import { serverMetadata, type ServerMetadata } from './steps/server-metadata.ts';
import { stream, type Stream } from './steps/stream.ts';
import type { TokenFacts } from './steps/token.ts';

export const stepNames = ['reach', 'challenge', 'resource metadata', 'server metadata', 'registration', 'authorize', 'token', 'call', 'stream'] as const;
export type Step = (typeof stepNames)[number];

/** One client's way, as far as it could be gone: each step has what it observed, and needs those before it. */
export interface Walk {
  readonly client: Client;
  readonly typed: URL;
  /** The URL that this client makes of it. */
  readonly resource: string;
  readonly place: Place;
  /** Shared by all clients. */
  readonly token?: TokenFacts;
  challenge?: Challenge;
  resourceMetadata?: ResourceMetadata;
  serverMetadata?: ServerMetadata;
  registration?: Registration;
  authorize?: Authorize;
  call?: Call;
  stream?: Stream;
}

/** Goes on past what a client would stop at, so that everything is said at once. */
export async function walk(scene: Scene, client: Client, typed: URL, place: Place, token: TokenFacts | undefined): Promise<Walk> {
  const resource = client.resource(typed);
  const way: Walk = { client, typed, resource, place, token };
  if (!place.addresses.some(({ failure }) => failure === undefined)) return way;
  way.challenge = await challenge(scene, client, resource);
  if (way.challenge.open) way.call = await call(scene, client, resource, undefined);
  else if (way.challenge.opening.answer) await signInAndCall(scene, way, way.challenge);
  return way;
}

async function signInAndCall(scene: Scene, way: Walk, { bearer, opening }: Challenge): Promise<void> {
  const { client, resource } = way;
  // Nothing of OAuth where the server does not ask for it, is not there, or is not an MCP server.
  if (opening.answer!.status !== 401 && scene.token === undefined) return;
  way.resourceMetadata = await resourceMetadata(scene, client, resource, bearer?.resource_metadata);
  const { document: described } = way.resourceMetadata;
  way.serverMetadata = await serverMetadata(scene, client, resource, described?.authorization_servers[0]);
  const { document } = way.serverMetadata;
  if (document) {
    const found = discoveredBy(way);
    way.registration = await registration(scene, client, document, found);
    const { clientId } = way.registration;
    if (clientId !== undefined) way.authorize = await authorize(scene, client, document, found, clientId, described?.resource ?? resource);
    const deletion = await unregister(scene, client, way.registration);
    way.registration = { ...way.registration, deletion };
  }
  if (scene.token !== undefined) way.call = await call(scene, client, resource, scene.token);
}

export function discoveredBy({ challenge: challenged, resourceMetadata: described, serverMetadata: server }: Walk): Discovered {
  return {
    challenged: challenged?.bearer?.scope,
    ofResource: described?.document?.scopes_supported,
    ofServer: server?.document?.scopes_supported,
    grants: server?.document?.grant_types_supported,
    // RFC 8414 §2: the default.
    authMethods: server?.document?.token_endpoint_auth_methods_supported ?? ['client_secret_basic'],
  };
}

/** Listens as one client, since streams are the same for all and take time, and ends what was begun. */
export async function listenAndLeave(scene: Scene, ways: readonly Walk[]): Promise<void> {
  const tokenOf = ({ challenge: challenged }: Walk) => (challenged?.open ? undefined : scene.token);
  const talking = ways.filter(({ call: called }) => called?.listed);
  const [first] = talking;
  const heard = first && (await stream(scene, first.client, first.resource, tokenOf(first), first.call!));
  for (const way of talking) way.stream = heard;
  await Promise.all(ways.map((each) => each.call && hangUp(scene, each.client, each.resource, tokenOf(each), each.call)));
}

/** Everything that a client asked for on its way. */
export function exchangesOf({ challenge: challenged, resourceMetadata: described, serverMetadata: server, registration: registered, authorize: authorized, call: called, stream: listened }: Walk): [Step, Exchange][] {
  const of = (step: Step, ...exchanges: (Exchange | undefined)[]) => exchanges.filter((exchange) => exchange !== undefined).map((exchange): [Step, Exchange] => [step, exchange]);
  return [
    ...of('challenge', challenged?.opening),
    ...of('resource metadata', ...(described?.tries ?? [])),
    ...of('server metadata', ...(server?.tries ?? [])),
    ...of('registration', registered?.exchange),
    ...of('authorize', ...(authorized?.asked.map(({ exchange }) => exchange) ?? [])),
    ...of('call', called?.opening ?? challenged?.asCaller, called?.tools),
    ...of('stream', listened?.called, listened?.listened),
  ];
}
