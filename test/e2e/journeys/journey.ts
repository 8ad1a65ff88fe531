import { createHash, randomBytes } from 'node:crypto';
import type { Person } from '../../support/browser.ts';
import { challengeOf } from '../../support/mcp-request.ts';
import type { Tokens } from '../../support/code-flow.ts';
import type { AuthorizationServer, Discovered, FieldClient, Message } from './client.ts';

export interface Answer {
  readonly status: number;
  readonly asked: Message;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly code: number };
}

interface Registered {
  readonly client_id: string;
  readonly client_secret?: string;
}

/** One client's way from a URL that its user typed to an answer of a tool. Each step needs those before it. */
export class Journey {
  readonly #client: FieldClient;
  readonly #url: URL;
  /** Every document that it asked for, with the status. */
  readonly asked: string[] = [];
  #found?: Discovered;
  #session?: string;
  #version?: string;

  constructor(client: FieldClient, url: string) {
    this.#client = client;
    this.#url = new URL(url);
  }

  get found(): Discovered {
    if (!this.#found) throw new Error('nothing was discovered yet');
    return this.#found;
  }

  /** From the 401 to the metadata of the authorization server. */
  async discover(): Promise<Discovered> {
    const refused = await this.#post(this.#client.opening);
    if (refused.status !== 401) throw new Error(`a request without a token: ${refused.status}`);
    const { resource_metadata: challenged = '', scope = '' } = challengeOf(refused);
    const resource = await this.#first<Discovered['resource']>(this.#client.resourceMetadata(challenged, this.#url));
    const server = await this.#first<AuthorizationServer>(this.#client.serverMetadata(new URL(resource.authorization_servers[0]!), this.#url));
    return (this.#found = { challenged: scope, resource, server });
  }

  /** Registers itself with what it says about itself. */
  async register(): Promise<Registered> {
    const body = JSON.stringify(this.#client.registration(this.found));
    const response = await fetch(this.found.server.registration_endpoint, { method: 'POST', headers: { ...this.#client.headers, 'content-type': 'application/json' }, body });
    if (response.status !== 201) throw new Error(`registration: ${response.status} ${await response.text()}`);
    return (await response.json()) as Registered;
  }

  /** An authorization request, as it opens it in its user's browser. */
  authorizationUrl({ client_id }: Registered, redirectUri: string, verifier = 'x'.repeat(43)): URL {
    const url = new URL(this.found.server.authorization_endpoint);
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const pkce = { code_challenge: challenge, code_challenge_method: 'S256' };
    const { state } = this.#client;
    url.search = new URLSearchParams({ response_type: 'code', client_id, redirect_uri: redirectUri, ...pkce, state, scope: this.#client.scope(this.found), resource: this.found.resource.resource }).toString();
    return url;
  }

  /** Sends its user to sign in, and trades the code for tokens. */
  async signIn(person: Person, registered: Registered, redirectUri = this.redirectUris[0]!): Promise<{ callback: URLSearchParams; tokens: Tokens }> {
    const verifier = randomBytes(48).toString('base64url');
    const callback = await person.authorize(this.authorizationUrl(registered, redirectUri, verifier), redirectUri);
    const code = callback.get('code');
    if (!code) throw new Error(`no code: ${callback.toString()}`);
    return { callback, tokens: await this.#token(registered, { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }) };
  }

  refresh(registered: Registered, tokens: Tokens): Promise<Tokens> {
    return this.#token(registered, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token! });
  }

  /** What it says with a token, and what it hears. */
  async converse(token: string): Promise<Answer[]> {
    const answers: Answer[] = [];
    for (const line of this.#client.conversation)
      for (const answer of await Promise.all(line.map(async (message) => this.#hear(message, await this.#post(message, token))))) answers.push(answer);
    return answers;
  }

  /** The status of its own stream. 405 says that there is none (Streamable HTTP, listening for messages). */
  async openStream(token: string): Promise<number> {
    const response = await fetch(this.#url, { headers: { ...this.#headers(token), accept: 'text/event-stream' } });
    await response.body?.cancel();
    return response.status;
  }

  get redirectUris(): readonly string[] {
    return this.#client.registration(this.found).redirect_uris;
  }

  async #token(registered: Registered, parameters: Record<string, string>): Promise<Tokens> {
    const { client_id, client_secret } = registered;
    const body = new URLSearchParams({ ...parameters, client_id, ...(client_secret && { client_secret }), resource: this.found.resource.resource });
    const response = await fetch(this.found.server.token_endpoint, { method: 'POST', headers: this.#client.headers, body });
    if (!response.ok) throw new Error(`token: ${response.status} ${await response.text()}`);
    return (await response.json()) as Tokens;
  }

  async #first<T>(urls: readonly string[]): Promise<T> {
    for (const url of urls) {
      const response = await fetch(url, { headers: { ...this.#client.headers, accept: 'application/json' }, redirect: 'manual' });
      this.asked.push(`${new URL(url).pathname} ${response.status}`);
      if (response.ok) return (await response.json()) as T;
    }
    throw new Error(`none of them answers: ${urls.join(' ')}`);
  }

  #headers(token?: string): Record<string, string> {
    return {
      accept: 'application/json, text/event-stream',
      ...this.#client.headers,
      ...(this.#version && { 'mcp-protocol-version': this.#version }),
      ...(this.#client.keepsSession && this.#session && { 'mcp-session-id': this.#session }),
      ...(token && { authorization: `Bearer ${token}` }),
    };
  }

  #post(message: Message, token?: string): Promise<Response> {
    // What 2026-07-28 has in headers beside the body.
    const modern = message.params?._meta ? { 'mcp-protocol-version': '2026-07-28', 'mcp-method': message.method, ...(typeof message.params.name === 'string' && { 'mcp-name': message.params.name }) } : {};
    return fetch(this.#url, { method: 'POST', redirect: 'manual', headers: { ...this.#headers(token), 'content-type': 'application/json', ...modern }, body: JSON.stringify(message) });
  }

  async #hear(asked: Message, response: Response): Promise<Answer> {
    const body = await response.text();
    const json = response.headers.get('content-type')?.startsWith('text/event-stream') ? body.split('\n').findLast((line) => line.startsWith('data: '))?.slice(6) : body;
    const { result, error } = (json ? JSON.parse(json) : {}) as Pick<Answer, 'result' | 'error'>;
    if (asked.method === 'initialize') {
      this.#session = response.headers.get('mcp-session-id') ?? undefined;
      this.#version = result?.protocolVersion as string | undefined;
    }
    return { status: response.status, asked, ...(result && { result }), ...(error && { error }) };
  }
}
