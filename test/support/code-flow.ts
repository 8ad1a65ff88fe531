import { createHash, randomBytes } from 'node:crypto';
import type { Person } from './browser.ts';
import { outputs, resource } from './outputs.ts';

export interface Tokens {
  access_token: string;
  id_token?: string;
  refresh_token?: string;
  scope: string;
}

interface Metadata {
  issuer: string;
  authorization_endpoint: string;
  token_endpoint: string;
  registration_endpoint: string;
  jwks_uri: string;
}

export async function authorizationServerMetadata(): Promise<Metadata> {
  return (await (await fetch(outputs.authorizationServerMetadataUrl)).json()) as Metadata;
}

/** A bare OAuth client, for asking what no well-behaved MCP client would ask. */
export class CodeFlow {
  readonly redirectUrl = 'http://localhost:43111/callback';
  readonly clientId: string;
  /** What its flows have used that nobody else may learn: authorization codes, verifiers, states. */
  readonly confidential: string[] = [];
  readonly #metadata: Metadata;

  private constructor(metadata: Metadata, clientId: string) {
    this.#metadata = metadata;
    this.clientId = clientId;
  }

  /** Registers itself (RFC 7591), the way Claude does: with the scopes it is going to ask for. */
  static async register(scope: string): Promise<CodeFlow> {
    const metadata = await authorizationServerMetadata();
    const flow = new CodeFlow(metadata, '');
    const response = await fetch(metadata.registration_endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        client_name: 'drawbridge bare client',
        redirect_uris: [flow.redirectUrl],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
        scope,
      }),
    });
    if (response.status !== 201) throw new Error(`registration: ${response.status} ${await response.text()}`);
    return new CodeFlow(metadata, ((await response.json()) as { client_id: string }).client_id);
  }

  /** The whole code flow with PKCE, signed in as `person`. */
  async signIn(person: Person, scope: string): Promise<Tokens> {
    const verifier = randomBytes(32).toString('base64url');
    const state = randomBytes(8).toString('hex');
    const url = new URL(this.#metadata.authorization_endpoint);
    url.search = new URLSearchParams({
      response_type: 'code',
      client_id: this.clientId,
      redirect_uri: this.redirectUrl,
      scope,
      resource: resource.url,
      state,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    }).toString();
    const callback = await person.authorize(url, this.redirectUrl);
    const code = callback.get('code');
    if (!code) throw new Error(`no code: ${callback.get('error')} ${callback.get('error_description')}`);
    this.confidential.push(code, verifier, state);
    const response = await this.token({ grant_type: 'authorization_code', code, redirect_uri: this.redirectUrl, code_verifier: verifier });
    if (!response.ok) throw new Error(`token: ${response.status} ${await response.text()}`);
    return (await response.json()) as Tokens;
  }

  refresh(refreshToken: string): Promise<Response> {
    return this.token({ grant_type: 'refresh_token', refresh_token: refreshToken });
  }

  token(parameters: Record<string, string>): Promise<Response> {
    return fetch(this.#metadata.token_endpoint, { method: 'POST', body: new URLSearchParams({ client_id: this.clientId, ...parameters }) });
  }
}
