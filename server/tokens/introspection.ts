import { RefusedError } from '../challenge.ts';
import type { Logger } from '../logger.ts';
import { callerOf, CLOCK_TOLERANCE_SECONDS, shown } from './claims.ts';
import { fetchJson, NoAnswerError } from './fetch-json.ts';
import { Reach } from './reach.ts';
import type { Verdict } from './verdicts.ts';

type Response = Record<string, unknown>;

/** For responses that say no expiry, which RFC 7662 §2.2 allows: as long as a verdict may last. */
const DEFAULT_LIFETIME_SECONDS = 60;

/** Asks the authorization server about tokens, as a client of its own (RFC 7662 §2.1). */
export class Introspector {
  readonly #endpoint: () => string;
  readonly #authorization: string;
  readonly #reach: Reach;
  #probing = false;

  /** @param endpoint throws as long as it is not known */
  constructor(endpoint: () => string, client: { clientId: string; clientSecret: string }, logger: Logger) {
    this.#endpoint = endpoint;
    // RFC 6749 §2.3.1: both are form-encoded first, or a colon or an umlaut would mean something else there.
    const credentials = [client.clientId, client.clientSecret].map(encodeURIComponent).join(':');
    this.#authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    this.#reach = new Reach('token introspection', logger);
  }

  /** @throws RefusedError when there is no answer: 503, never the 401 that makes a client throw a good token away */
  async ask(token: string): Promise<Response> {
    try {
      const response = await fetchJson(this.#endpoint(), {
        method: 'POST',
        headers: { Authorization: this.#authorization, Accept: 'application/json' },
        body: new URLSearchParams({ token, token_type_hint: 'access_token' }),
      });
      this.#reach.answered();
      return response;
    } catch (error) {
      this.#reach.failed(problemOf(error as Error));
      throw new RefusedError({ kind: 'keys-unavailable', reason: this.#reach.problem! }, { cause: error });
    }
  }

  /** Why tokens cannot be checked. Asking makes it try again, so that it recovers without requests. */
  problem(): string | undefined {
    if (this.#reach.problem !== undefined && !this.#probing) {
      this.#probing = true;
      void this.ask('is-it-back').catch(() => {}).finally(() => (this.#probing = false));
    }
    return this.#reach.problem;
  }
}

/** Judges tokens of any form for one resource by what the authorization server says about them. */
export function judgeByIntrospection(expected: { introspector: Introspector; issuer: string; audience: string }): (token: string) => Promise<Verdict> {
  return async (token) => {
    const response = await expected.introspector.ask(token);
    const now = Date.now() / 1000;
    const { sub, exp = Math.floor(now) + DEFAULT_LIFETIME_SECONDS } = response;
    const reason = wrongIn(response, expected);
    if (reason !== undefined) throw invalid(reason);
    if (typeof sub !== 'string' || sub === '') throw invalid('sub is missing');
    if (typeof exp !== 'number' || exp + CLOCK_TOLERANCE_SECONDS <= now) throw invalid('expired');
    return { caller: callerOf({ ...response, sub, exp }) };
  };
}

function wrongIn({ active, iss, aud, token_type: type, typ, cnf }: Response, { issuer, audience }: { issuer: string; audience: string }): string | undefined {
  if (active !== true) return 'not active';
  if (iss !== undefined && iss !== issuer) return `iss is ${shown(iss)}`;
  // A token whose audience nobody says could be for any server: it opens none (RFC 8707 §2, MCP authorization).
  if (aud !== audience && !(Array.isArray(aud) && aud.includes(audience))) return `aud is ${shown(aud)}`;
  // A token that is bound to a key is worth nothing without the proof, which is not asked for here (RFC 7800 §3, RFC 9449 §7.1).
  if (cnf !== undefined) return 'cnf binds it to a key';
  if (type !== undefined && String(type).toLowerCase() !== 'bearer') return 'token_type is another than Bearer';
  // Keycloak answers for refresh tokens too, and says so here (RFC 7662 §4).
  if (typ !== undefined && typ !== 'Bearer') return 'typ is another than Bearer';
  return undefined;
}

function invalid(reason: string): RefusedError {
  return new RefusedError({ kind: 'invalid-token', reason });
}

function problemOf(error: Error): string {
  const refused = error instanceof NoAnswerError && (error.status === 401 || error.status === 403);
  return refused ? `${error.message}: it refuses the credentials in drawbridge:authorizationServer.introspection` : error.message;
}
