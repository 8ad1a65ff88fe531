import { setTimeout as sleep } from 'node:timers/promises';
import type Cloudflare from 'cloudflare';
import { EngineError, messageOf } from '../types.ts';
import type { Plain } from '../values.ts';
import { NothingMade } from './provider.ts';

type Tunnels = Cloudflare['zeroTrust']['tunnels']['cloudflared'];

/** How often a call is made where Cloudflare fails or does not answer, how long a try may take and what lies between two, in milliseconds. */
const tries = 3;
const timeout = 10_000;
const pause = 500;

/** Cloudflare's API, as an explicit provider leads to it. */
export class CloudflareApi {
  readonly #settings: Plain;
  readonly #signal: AbortSignal;
  #client: Promise<Cloudflare> | undefined;

  /** @param settings `apiToken`, and `baseUrl` for an API at another address, else the one of CLOUDFLARE_BASE_URL */
  constructor(settings: Plain, signal: AbortSignal) {
    this.#settings = settings;
    this.#signal = signal;
  }

  /**
   * Makes one call, again where that may help.
   * @throws EngineError with Cloudflare's words and code, and what to do
   */
  async ask<T>(call: (tunnels: Tunnels) => PromiseLike<T>, left = tries): Promise<T> {
    const client = await (this.#client ??= this.#connect());
    try {
      return await call(client.zeroTrust.tunnels.cloudflared);
    } catch (error) {
      const { status = 500 } = error as { status?: number };
      if (left <= 1 || status < 500 || this.#signal.aborted) throw explain(error, client.baseURL);
      await sleep(pause, undefined, { signal: this.#signal });
      return this.ask(call, left - 1);
    }
  }

  async #connect(): Promise<Cloudflare> {
    const { apiToken, baseUrl } = this.#settings;
    if (typeof apiToken !== 'string') throw new EngineError('the embedded engine reaches Cloudflare by an explicit provider only: give it new cloudflare.Provider(…, { apiToken })');
    // Loaded when it is needed: it takes half a second, and most stacks do without.
    const { default: Cloudflare } = await import('cloudflare');
    return new Cloudflare({
      apiToken,
      ...(typeof baseUrl === 'string' && { baseURL: baseUrl }),
      // Nobody else's credentials from the environment, and no answers in a log: one of them is a secret.
      apiKey: null,
      apiEmail: null,
      userServiceKey: null,
      logLevel: 'off',
      timeout,
      // The SDK would also repeat what is refused because of a taken name, and wait as long as a rate limit says.
      maxRetries: 0,
      fetch: (url, init) => fetch(url, { ...init, signal: AbortSignal.any([this.#signal, ...(init?.signal ? [init.signal] : [])]) }),
    });
  }
}

/** For the `catch` of a call: undefined where the object does not exist. */
export function ifMissing(error: unknown): undefined {
  if ((error as { status?: number }).status !== 404) throw error;
}

const remedies: Record<number, string> = {
  1013: 'A tunnel that is not of this stack has the name, so it is left alone. Delete it, or choose another name',
  1022: 'Connectors are still connected to it. Stop them and run the command again',
};

/** Cloudflare's errors in words that say what to do. */
function explain(error: unknown, baseURL: string): unknown {
  if (!(error instanceof Error && 'status' in error)) return error;
  const { status, errors = [] } = error as { status?: number; errors?: { code?: number; message?: string }[] };
  if (status === undefined) return new EngineError(`Cloudflare's API does not answer at ${baseURL} (${rootOf(error)}). Check the network and run the command again`);
  const said = errors.map(({ code, message }) => (code === undefined ? message : `${message}, code ${code}`)).join('; ');
  const Kind = status < 500 ? NothingMade : EngineError;
  return new Kind(`Cloudflare answers ${status}${said && ` (${said})`}. ${errors.map(({ code }) => remedies[code ?? 0]).find(Boolean) ?? remedyOf(status)}`);
}

function remedyOf(status: number): string {
  if (status === 401 || status === 403) return 'The API token is not valid, or it lacks the permission Cloudflare Tunnel Write on this account';
  if (status === 429) return 'It limits how often it may be asked. Wait five minutes and run the command again';
  return status >= 500 ? 'Run the command again' : 'Change what is asked for and run the command again';
}

/** What a failed connection failed of. */
function rootOf(error: Error): string {
  return error.cause instanceof Error ? rootOf(error.cause) : messageOf(error) || String((error as NodeJS.ErrnoException).code);
}
