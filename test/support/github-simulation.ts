import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** An account of the simulation. GitHub shows an address that is public, and tells the primary one when asked with `user:email`. */
export interface SimulatedAccount {
  id: number;
  login: string;
  primaryEmail: string;
  verified: boolean;
}

/**
 * A simulation of GitHub's OAuth endpoints, as GitHub Enterprise Server has them: `/login/oauth/*`, and the API below `/api/v3`. It
 * does what GitHub's documentation says, and is not GitHub.
 */
export class GitHubSimulation {
  /** Who is signed in there, in whatever browser. */
  account: SimulatedAccount | undefined;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #client: { id: string; secret: string };
  readonly #codes = new Map<string, { account: SimulatedAccount; redirectUri: string }>();
  readonly #tokens = new Map<string, SimulatedAccount>();

  constructor(client: { id: string; secret: string }) {
    this.#client = client;
  }

  /** @returns its port */
  async listen(address: string): Promise<number> {
    this.#server.listen(0, address);
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://simulation');
    const json = (value: unknown, status = 200) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (url.pathname === '/login/oauth/authorize') {
      const redirectUri = url.searchParams.get('redirect_uri')!;
      if (!this.account || url.searchParams.get('client_id') !== this.#client.id) return void response.writeHead(404).end();
      const code = randomUUID();
      this.#codes.set(code, { account: this.account, redirectUri });
      const back = new URL(redirectUri);
      back.search = new URLSearchParams({ code, state: url.searchParams.get('state')! }).toString();
      return void response.writeHead(302, { location: back.href }).end();
    }
    if (url.pathname === '/login/oauth/access_token') {
      const form = new URLSearchParams(await text(request));
      const granted = this.#codes.get(form.get('code') ?? '');
      this.#codes.delete(form.get('code') ?? '');
      // GitHub answers errors with 200.
      const error = form.get('client_id') !== this.#client.id || form.get('client_secret') !== this.#client.secret ? 'incorrect_client_credentials' : !granted || granted.redirectUri !== form.get('redirect_uri') ? 'bad_verification_code' : undefined;
      response.setHeader('content-type', 'application/x-www-form-urlencoded');
      if (error) return void response.end(new URLSearchParams({ error }).toString());
      const token = `gho_${randomUUID()}`;
      this.#tokens.set(token, granted!.account);
      return void response.end(new URLSearchParams({ access_token: token, scope: 'user:email', token_type: 'bearer' }).toString());
    }
    const account = this.#tokens.get(request.headers.authorization?.replace(/^(Bearer|token) /, '') ?? '');
    if (!account) return void json({ message: 'Bad credentials' }, 401);
    if (url.pathname === '/api/v3/user') return void json({ id: account.id, login: account.login, name: null, email: null });
    if (url.pathname === '/api/v3/user/emails') return void json([{ email: account.primaryEmail, primary: true, verified: account.verified, visibility: null }]);
    json({ message: 'Not Found' }, 404);
  }
}
