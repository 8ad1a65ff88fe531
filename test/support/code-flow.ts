import { randomBytes } from 'node:crypto';
import type { Person } from './browser.ts';
import { type Ask, pkce } from './form-browser.ts';
import { outputs, resource } from './outputs.ts';

export interface Tokens {
  access_token: string;
  id_token?: string;
  refresh_token?: string;
  scope: string;
  expires_in: number;
}

interface Metadata {
  issuer: string;
  authorization_endpoint: string;
  token_endpoint: string;
  registration_endpoint: string;
  scopes_supported: string[];
  jwks_uri: string;
}

export async function authorizationServerMetadata(ask: Ask = fetch): Promise<Metadata> {
  return (await (await ask(outputs.authorizationServerMetadataUrl)).json()) as Metadata;
}

/** A bare OAuth client, for asking what no well-behaved MCP client would ask. */
export class CodeFlow {
  readonly redirectUrl: string;
  readonly clientId: string;
  /** What its flows have used that nobody else may learn: authorization codes, verifiers, states. */
  readonly confidential: string[] = [];
  readonly #metadata: Metadata;
  readonly #ask: Ask;

  private constructor(metadata: Metadata, clientId: string, redirectUrl = 'http://localhost:43111/callback', ask: Ask = fetch) {
    this.#metadata = metadata;
    this.#ask = ask;
    this.clientId = clientId;
    this.redirectUrl = redirectUrl;
  }

  /** Registers itself (RFC 7591), the way Claude does: with the scopes it is going to ask for. */
  static async register(scope: string, name = 'drawbridge bare client'): Promise<CodeFlow> {
    const metadata = await authorizationServerMetadata();
    const flow = new CodeFlow(metadata, '');
    const response = await fetch(metadata.registration_endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        client_name: name,
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

  /** As a client that the stack knows, without registering. @param redirectUrl one of its own. Default: of any program of this machine @param ask what makes its requests */
  static async as(clientId: string, redirectUrl?: string, ask?: Ask): Promise<CodeFlow> {
    return new CodeFlow(await authorizationServerMetadata(ask), clientId, redirectUrl, ask);
  }

  /**
   * An authorization request with PKCE, and what its code is exchanged with.
   * @param changed replaces parameters; an empty one is left out
   */
  request(scope: string, changed: Record<string, string> = {}): { url: URL; exchange: { grant_type: string; redirect_uri: string; code_verifier: string } } {
    const { verifier, challenge } = pkce();
    const parameters = {
      response_type: 'code',
      client_id: this.clientId,
      redirect_uri: this.redirectUrl,
      scope,
      resource: resource.url,
      state: randomBytes(8).toString('hex'),
      code_challenge: challenge,
      code_challenge_method: 'S256',
      ...changed,
    };
    const url = new URL(this.#metadata.authorization_endpoint);
    url.search = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== '')).toString();
    return { url, exchange: { grant_type: 'authorization_code', redirect_uri: this.redirectUrl, code_verifier: verifier } };
  }

  /** The whole code flow with PKCE, signed in as `person`. */
  async signIn(person: Person, scope: string): Promise<Tokens> {
    const { url, exchange } = this.request(scope);
    const callback = await person.authorize(url, this.redirectUrl);
    const code = callback.get('code');
    if (!code) throw new Error(`no code: ${callback.get('error')} ${callback.get('error_description')}`);
    this.confidential.push(code, exchange.code_verifier, url.searchParams.get('state')!);
    const response = await this.token({ ...exchange, code });
    if (!response.ok) throw new Error(`token: ${response.status} ${await response.text()}`);
    return (await response.json()) as Tokens;
  }

  refresh(refreshToken: string): Promise<Response> {
    return this.token({ grant_type: 'refresh_token', refresh_token: refreshToken });
  }

  token(parameters: Record<string, string>): Promise<Response> {
    return this.#ask(this.#metadata.token_endpoint, { method: 'POST', body: new URLSearchParams({ client_id: this.clientId, ...parameters }) });
  }
}
