import { validateHeaderValue } from 'node:http';
import { Agent, type Dispatcher, request } from 'undici';
import { type Failure, failureOf } from './failure.ts';
import type { Network } from './network.ts';

export interface Ask {
  /** Default: GET. */
  readonly method?: 'GET' | 'POST' | 'OPTIONS' | 'DELETE';
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** In milliseconds, until all of the answer is there. Default: 12 seconds, a little more than Claude gives discovery. */
  readonly patience?: number;
  /** Hangs up once this much of a body is enough, as with streams that do not end. */
  readonly enough?: (body: string) => boolean;
}

export interface Answer {
  readonly status: number;
  /** Names in lower case; of several, the values with commas. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** When its parts arrived, in milliseconds since the request, the headers first. */
  readonly arrivals: readonly number[];
}

/** One request, and the answer or why there was none. Redirects are answers. */
export interface Exchange {
  readonly ask: Ask;
  readonly answer?: Answer;
  /** Also beside an answer whose body broke off. */
  readonly failure?: Failure;
  readonly milliseconds: number;
}

/** What is heard of an answer: documents and pages are a few kilobytes. */
export const BODY_LIMIT = 512 * 1024;
/** More than a whole examination needs: six clients, a dozen requests each. */
const BUDGET = 160;
/** Requests at a time. */
const AT_ONCE = 8;

/** Makes each request once, whoever asks for it; what needs a request of its own says so with `fresh`. */
export class Exchanges {
  readonly #agent: Agent;
  readonly #made = new Map<string, Promise<Exchange>>();
  readonly #waiting: (() => void)[] = [];
  #free = AT_ONCE;
  #count = 0;

  constructor(network: Network) {
    this.#agent = new Agent({ connect: network.connect, connections: AT_ONCE, pipelining: 1 });
  }

  get count(): number {
    return this.#count;
  }

  make(ask: Ask): Promise<Exchange> {
    const key = JSON.stringify([ask.method, ask.url, ask.headers, ask.body]);
    const made = this.#made.get(key) ?? this.fresh(ask);
    this.#made.set(key, made);
    return made;
  }

  async fresh(ask: Ask): Promise<Exchange> {
    // What is found until then is still to be reported.
    if (this.#count === BUDGET) return { ask, failure: { kind: 'protocol', code: `not asked, after ${BUDGET} requests`, message: `More than ${BUDGET} requests were needed, which is too many for one examination.` }, milliseconds: 0 };
    this.#count += 1;
    await this.#turn();
    // Not before: what waits here is not the server's slowness.
    const started = performance.now();
    const since = () => Math.round(performance.now() - started);
    const state: { answer?: Answer; failure?: Failure } = {};
    try {
      await this.#converse(ask, since, state);
    } catch (error) {
      state.failure = failureOf(error);
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
    return { ask, ...state, milliseconds: since() };
  }

  async #turn(): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #converse({ method = 'GET', url, headers, body, patience = 12_000, enough = () => false }: Ask, since: () => number, state: { answer?: Answer }): Promise<void> {
    // What a server named goes back to it in headers. undici refuses a line break only after it has taken a connection, and never gives that back.
    for (const [name, value] of Object.entries(headers)) validateHeaderValue(name, value);
    const controller = new AbortController();
    const { promise: timedOut, reject } = Promise.withResolvers<never>();
    // AbortSignal.timeout would let the process end while it waits.
    const timer = setTimeout(() => {
      const reason = new DOMException('The operation was aborted due to timeout', 'TimeoutError');
      controller.abort(reason);
      // undici does not hear of it before it has a connection.
      reject(reason);
    }, patience);
    try {
      const hear = async () => this.#hear(await request(url, { method, headers, body, signal: controller.signal, dispatcher: this.#agent, headersTimeout: 0, bodyTimeout: 0 }), enough, since, state);
      await Promise.race([hear(), timedOut]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #hear(response: Dispatcher.ResponseData, enough: (body: string) => boolean, since: () => number, state: { answer?: Answer }): Promise<void> {
    const arrivals = [since()];
    const named = Object.entries(response.headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]);
    const keep = (text: string) => (state.answer = { status: response.statusCode, headers: Object.fromEntries(named), body: text, arrivals });
    let text = '';
    keep(text);
    response.body.setEncoding('utf8');
    for await (const piece of response.body) {
      text += piece;
      arrivals.push(since());
      keep(text);
      if (text.length > BODY_LIMIT || enough(text)) break;
    }
  }
}

/** The body, where it is a JSON object. */
export function jsonOf({ answer }: Exchange): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(answer?.body ?? '');
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** An exchange in a few words, for a sentence: `404 from https://…`, or why there was no answer. */
export function said({ ask, answer, failure }: Exchange): string {
  if (answer) return `${answer.status} from ${ask.url}${failure ? `, broken off (${failure.code})` : ''}`;
  return `no answer from ${ask.url} (${failure?.kind === 'timeout' ? `none within ${(ask.patience ?? 12_000) / 1000} seconds` : failure?.code})`;
}
