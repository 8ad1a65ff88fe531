import { FormBrowser, pkce } from '../test/support/form-browser.ts';

const REDIRECT_URL = 'http://localhost:43113/callback';

/** Where an authorization server is asked for what, as its metadata says (RFC 8414). */
export type Metadata = Record<'authorization_endpoint' | 'token_endpoint' | 'registration_endpoint', string>;

export interface Tokens {
  access_token: string;
  refresh_token: string;
}

/** Registers a client (RFC 7591) for all the sign-ins. @returns its id */
export async function register(metadata: Metadata, scope: string): Promise<string> {
  const body = JSON.stringify({ client_name: 'soak', redirect_uris: [REDIRECT_URL], grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'none', scope });
  const response = await fetch(metadata.registration_endpoint, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  if (response.status !== 201) throw new Error(`registration: ${response.status} ${await response.text()}`);
  return ((await response.json()) as { client_id: string }).client_id;
}

export interface Person {
  readonly username: string;
  readonly password: string;
  /** What they choose where they are asked for another one. */
  readonly newPassword: string;
}

/** One sign-in in a browser of its own. */
export async function signIn(metadata: Metadata, clientId: string, person: Person, scope: string): Promise<Tokens> {
  const { verifier, challenge } = pkce();
  const request = { response_type: 'code', client_id: clientId, redirect_uri: REDIRECT_URL, scope, state: 'soak', code_challenge: challenge, code_challenge_method: 'S256' };
  const answer = await new FormBrowser(person).authorize(`${metadata.authorization_endpoint}?${new URLSearchParams(request)}`, REDIRECT_URL);
  const code = answer.get('code');
  if (!code) throw new Error(`the sign-in of ${person.username} ended at: ${answer.get('error')}`);
  const form = { grant_type: 'authorization_code', client_id: clientId, code, redirect_uri: REDIRECT_URL, code_verifier: verifier };
  const response = await fetch(metadata.token_endpoint, { method: 'POST', body: new URLSearchParams(form) });
  if (!response.ok) throw new Error(`token: ${response.status} ${await response.text()}`);
  return (await response.json()) as Tokens;
}
