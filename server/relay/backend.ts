import { Pool, type Dispatcher } from 'undici';
import type { ServerSettings } from '../settings.ts';

/** Longest time that a call may go on without a byte, in milliseconds. Claude gives a tool call 300 s. */
export const SILENCE_MILLISECONDS = 330_000;
const CONNECT_MILLISECONDS = 5_000;

/** What the gateway asks a backend. */
export interface Outgoing {
  readonly method: 'POST' | 'GET' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Milliseconds without a byte after which it is given up. 0: never. Default `SILENCE_MILLISECONDS`. */
  readonly silence?: number;
}

/** The way to one backend: a URL, and the connections that are kept to it. */
export class Backend {
  readonly #pool: Pool;
  readonly #path: string;
  readonly #origin: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ url, headers }: ServerSettings['backend']) {
    const { origin, pathname, search } = new URL(url);
    this.#origin = origin;
    this.#path = `${pathname}${search}`;
    this.#headers = headers;
    this.#pool = new Pool(origin, { connections: null, pipelining: 1, allowH2: false, connect: { timeout: CONNECT_MILLISECONDS } });
  }

  /** Sends a request; `handler` hears of the answer as it comes. Redirects are not followed: they could lead anywhere. */
  send({ method, headers, body, silence = SILENCE_MILLISECONDS }: Outgoing, handler: Dispatcher.DispatchHandler): void {
    this.#pool.dispatch(
      { origin: this.#origin, path: this.#path, method, headers: { ...this.#headers, ...headers }, body: body ?? null, headersTimeout: silence, bodyTimeout: silence },
      handler,
    );
  }

  /** Ends all that is under way. */
  close(): Promise<void> {
    return this.#pool.destroy();
  }
}

/** Why a backend did not answer, in words for its users; details are for the log. */
export function describeFailure(error: Error & { code?: string }): { status: 502 | 503 | 504; message: string; retryAfter?: number } {
  switch (error.code) {
    case 'ECONNREFUSED':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'UND_ERR_CONNECT_TIMEOUT':
      // Nothing was sent: it is safe to try again.
      return { status: 503, message: 'is not reachable at the moment', retryAfter: 5 };
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return { status: 504, message: 'said nothing for too long' };
    default:
      return { status: 502, message: 'ended the connection before it had answered' };
  }
}
