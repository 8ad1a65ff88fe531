import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { claudeCode } from './clients/claude-code.ts';
import type { Client } from './clients/client.ts';
import { type Exchange, jsonOf, said } from './exchange.ts';
import type { Scene } from './scene.ts';
import { authorizationUrl } from './steps/authorize.ts';
import { challenge } from './steps/challenge.ts';
import type { Place } from './steps/reach.ts';
import { registration, unregister } from './steps/registration.ts';
import { resourceMetadata } from './steps/resource-metadata.ts';
import { serverMetadata } from './steps/server-metadata.ts';
import { discoveredBy } from './walk.ts';

/** What became of a sign-in. */
export interface SignedIn {
  readonly access?: string;
  readonly refresh?: string;
  /** Why there is no token, where that is not what the clients' own ways will show. */
  readonly problem?: string;
  /** The registration that was made for it. */
  readonly registered?: Exchange;
  /** The token request. */
  readonly exchange?: Exchange;
  /** Deletes the client that was registered for it. @returns its id where that does not work */
  readonly leave: () => Promise<string | undefined>;
}

/** In milliseconds, for a person to sign in. */
const PATIENCE = 300_000;
const nothingToLeave = async (): Promise<undefined> => undefined;

/** Signs a person in as a native app does (RFC 8252): the browser comes back to a port of this machine. */
export async function signIn(scene: Scene, typed: URL, place: Place, show: (authorizationUrl: string) => void): Promise<SignedIn> {
  const resource = typed.href;
  if (!place.addresses.some(({ failure }) => failure === undefined)) return { leave: nothingToLeave };
  const challenged = await challenge(scene, claudeCode, resource);
  if (challenged.open || !challenged.opening.answer) return { leave: nothingToLeave };
  const described = await resourceMetadata(scene, claudeCode, resource, challenged.bearer?.resource_metadata);
  const server = await serverMetadata(scene, claudeCode, resource, described.document?.authorization_servers[0]);
  if (!server.document) return { leave: nothingToLeave };

  const [verifier, state] = [randomBytes(32).toString('base64url'), randomBytes(16).toString('base64url')];
  const callback = await Callback.listen(state);
  try {
    const client: Client = { ...claudeCode, document: undefined, redirectUris: [callback.redirectUri] };
    const found = discoveredBy({ client, typed, resource, place, challenge: challenged, resourceMetadata: described, serverMetadata: server });
    const registered = await registration(scene, client, server.document, found);
    const { clientId } = registered;
    if (clientId === undefined) return { leave: nothingToLeave };
    const made = { registered: registered.exchange, leave: async () => (registered.exchange && (await unregister(scene, client, registered))?.answer?.status !== 204 ? clientId : undefined) };
    const resourceId = described.document?.resource ?? resource;
    show(authorizationUrl(server.document, { clientId, redirectUri: callback.redirectUri, scope: client.scope(found), resource: resourceId, state, verifier }));
    const answer = await callback.answer;
    const problem = !answer ? 'nobody signed in within five minutes' : problemOf(answer, server.document.issuer);
    if (problem) return { problem, ...made };
    const { client_secret: secret } = (registered.exchange && jsonOf(registered.exchange)) ?? {};
    const form = { grant_type: 'authorization_code', code: answer!.get('code')!, redirect_uri: callback.redirectUri, client_id: clientId, code_verifier: verifier, resource: resourceId, ...(typeof secret === 'string' && { client_secret: secret }) };
    const exchange = await scene.exchanges.fresh({ method: 'POST', url: server.document.token_endpoint, headers: { 'user-agent': client.agents.discovery, accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(form).toString() });
    const { access_token: access, refresh_token: refresh, error, error_description: description } = jsonOf(exchange) ?? {};
    if (typeof access !== 'string') return { problem: `the sign-in succeeds, and the token request fails: ${said(exchange)}${error ? ` (${[error, description].filter(Boolean).join(': ')})` : ''}`, exchange, ...made };
    return { access, refresh: typeof refresh === 'string' ? refresh : undefined, exchange, ...made };
  } finally {
    callback.close();
  }
}

function problemOf(answer: URLSearchParams, issuer: string): string | undefined {
  // RFC 9207 §2.4: of another authorization server (mix-up).
  if (answer.has('iss') && answer.get('iss') !== issuer) return `the browser came back with \`iss\` ${answer.get('iss')}, and the issuer is ${issuer}`;
  if (answer.has('error')) return `the sign-in ended with ${[answer.get('error'), answer.get('error_description')].filter(Boolean).join(': ')}`;
  return answer.has('code') ? undefined : 'the browser came back without a code';
}

/** Where the browser comes back to: a port of loopback that the system picks (RFC 8252 §7.3). */
class Callback {
  readonly redirectUri: string;
  /** Nothing where nobody came. */
  readonly answer: Promise<URLSearchParams | undefined>;
  readonly close: () => void;

  private constructor(redirectUri: string, answer: Promise<URLSearchParams | undefined>, close: () => void) {
    [this.redirectUri, this.answer, this.close] = [redirectUri, answer, close];
  }

  static async listen(state: string): Promise<Callback> {
    const { promise, resolve } = Promise.withResolvers<URLSearchParams | undefined>();
    const server = createServer((request, response) => {
      const url = URL.parse(request.url ?? '/', 'http://127.0.0.1');
      if (url?.pathname !== '/callback') return void response.writeHead(404).end();
      // RFC 9700 §4.7: any page or program can ask here. It neither signs in nor ends the sign-in.
      if (url.searchParams.get('state') !== state) return void response.writeHead(400, { 'content-type': 'text/plain', connection: 'close' }).end('This is not the sign-in that was begun: its state is another.\n');
      response.writeHead(200, { 'content-type': 'text/plain', connection: 'close' }).end('You can close this window.\n');
      resolve(url.searchParams);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const timer = setTimeout(() => resolve(undefined), PATIENCE);
    return new Callback(`http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`, promise, () => {
      clearTimeout(timer);
      server.close();
    });
  }
}
