import { setTimeout as sleep } from 'node:timers/promises';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Agent, fetch as ask } from 'undici';
import type { FormBrowser } from '../support/form-browser.ts';
import { OAuthMemory } from '../support/oauth-memory.ts';

/**
 * It keeps no connection: one to the edge that is kept in use goes on leading there, where the name is no longer known when it leads to a host.
 */
const connections = new Agent({ pipelining: 0, allowH2: false });
const anew = ((url: string, init: object) => ask(url, { ...init, dispatcher: connections })) as never;

/** A client whose user signed in once, and that calls a tool five times a second from then on. */
export class Caller {
  calls = 0;
  /** What went wrong, call by call. */
  readonly failures: string[] = [];
  readonly #client: Client;
  readonly #memory: OAuthMemory;
  readonly #calling: Promise<void>;
  #leaving = false;

  private constructor(client: Client, memory: OAuthMemory) {
    this.#client = client;
    this.#memory = memory;
    this.#calling = this.#call();
  }

  static async connect(url: string, user: FormBrowser): Promise<Caller> {
    const memory = new OAuthMemory('drawbridge caller');
    const information = { name: 'drawbridge caller', version: '1' };
    const transport = () => new StreamableHTTPClientTransport(new URL(url), { authProvider: memory, fetch: anew });
    const first = transport();
    // It is told to sign in.
    const refusal = await new Client(information).connect(first).catch((error: unknown) => error);
    if (!memory.authorizationUrl) throw new Error(`${url} asks nobody to sign in`, { cause: refusal });
    await first.finishAuth(await user.authorize(memory.authorizationUrl.href, memory.redirectUrl));
    const client = new Client(information);
    await client.connect(transport());
    return new Caller(client, memory);
  }

  get token(): string {
    return this.#memory.granted!.access_token;
  }

  async leave(): Promise<void> {
    this.#leaving = true;
    await this.#calling;
    await this.#client.close();
  }

  async #call(): Promise<void> {
    while (!this.#leaving) {
      await this.#client.callTool({ name: 'whoami', arguments: {} }, { timeout: 30_000 }).then(() => (this.calls += 1), (error: Error) => this.failures.push(`${error.cause ?? error}`.slice(0, 120)));
      await sleep(200);
    }
  }
}
