import { createHash } from 'node:crypto';
import type { Client, Discovered } from '../clients/client.ts';
import type { Exchange } from '../exchange.ts';
import type { Scene } from '../scene.ts';
import type { ServerDocument } from './server-metadata.ts';

/** Authorization requests, as the user's browser would make them, up to the first page. Nobody signs in. */
export interface Authorize {
  readonly asked: readonly { readonly redirectUri: string; readonly exchange: Exchange }[];
}

/** Any: nobody will use the code. */
const VERIFIER = 'drawbridge-doctor-looks-at-the-first-page-only';
export const challengeOf = (verifier: string): string => createHash('sha256').update(verifier).digest('base64url');

export async function authorize(scene: Scene, client: Client, document: ServerDocument, found: Discovered, clientId: string, resource: string): Promise<Authorize> {
  // A browser asks: the client's own agent is never seen here.
  const headers = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0', accept: 'text/html,*/*;q=0.8' };
  const asked = client.redirectUris.slice(0, 4).map(async (redirectUri) => {
    const url = authorizationUrl(document, { clientId, redirectUri, scope: client.scope(found), resource, state: 'doctor', verifier: VERIFIER });
    return { redirectUri, exchange: await scene.exchanges.make({ url, headers }) };
  });
  return { asked: await Promise.all(asked) };
}

export interface AuthorizationRequest {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly scope?: string;
  readonly resource: string;
  readonly state: string;
  readonly verifier: string;
}

/** OAuth 2.1 §4.1.1 with PKCE, and the resource (RFC 8707). */
export function authorizationUrl({ authorization_endpoint }: ServerDocument, { clientId, redirectUri, scope, resource, state, verifier }: AuthorizationRequest): string {
  const url = new URL(authorization_endpoint);
  const parameters = { response_type: 'code', client_id: clientId, redirect_uri: redirectUri, code_challenge: challengeOf(verifier), code_challenge_method: 'S256', state, resource, ...(scope && { scope }) };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}
