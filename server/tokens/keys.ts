import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { RefusedError } from '../challenge.ts';
import type { Logger } from '../logger.ts';
import { fetchJson } from './fetch-json.ts';
import { Reach } from './reach.ts';

/** Older keys are fetched again, beside the requests: this is how long a withdrawn key may go on to work. */
const REFRESH_MILLISECONDS = 60_000;
/** How long keys outlive an outage. After that a key could have been withdrawn an hour ago. */
const KEEP_MILLISECONDS = 60 * 60_000;
/** At most one fetch in this time for unknown key ids, which anyone can make up. Short, so that a rotation is seen soon. */
const COOL_DOWN_MILLISECONDS = 10_000;
/** At most one attempt in this time, so that requests in an outage do not become a flood there. */
const PAUSE_MILLISECONDS = 1_000;

/** Finds the key for a token. As long as the published keys are the same, it is the same object: a verdict may rest on it. */
export type Keys = JWTVerifyGetKey;

/** The authorization server's signing keys: fetched at first use, one fetch at a time, and used through an outage. */
export class KeyStore {
  readonly #url: () => string;
  readonly #reach: Reach;
  #keys: Keys | undefined;
  #published = '';
  #fetchedAt = -Infinity;
  #triedAt = -Infinity;
  #running: Promise<void> | undefined;

  /** @param url throws as long as it is not known */
  constructor(url: () => string, logger: Logger) {
    this.#url = url;
    this.#reach = new Reach('the signing keys', logger);
  }

  /** The keys to use now, if there are any. Asking makes them be refreshed, and waits for nothing. */
  inForce(): Keys | undefined {
    if (!passedSince(this.#fetchedAt, REFRESH_MILLISECONDS)) return this.#keys;
    if (passedSince(this.#fetchedAt, KEEP_MILLISECONDS)) return undefined;
    void this.#fetch(PAUSE_MILLISECONDS);
    return this.#keys;
  }

  /** The keys to use now; waits only where there are none. @throws RefusedError */
  async current(): Promise<Keys> {
    const keys = this.inForce();
    if (keys) return keys;
    await this.#fetch(PAUSE_MILLISECONDS);
    return this.inForce() ?? this.#unavailable();
  }

  /** The keys for a token whose key is not among those in force: perhaps the authorization server has new ones. @throws RefusedError */
  async afterUnknownKey(): Promise<Keys> {
    await this.#fetch(COOL_DOWN_MILLISECONDS);
    // In an outage nobody can say whether the key is made up or new.
    if (this.#reach.problem !== undefined) this.#unavailable();
    return this.inForce() ?? this.#unavailable();
  }

  /** Why tokens cannot be checked; nothing before first use. Asking counts as use, so that the keys recover without requests. */
  problem(): string | undefined {
    if (this.#triedAt === -Infinity || this.inForce()) return undefined;
    void this.#fetch(PAUSE_MILLISECONDS);
    return this.#reach.problem;
  }

  /** One fetch at a time, and none within `pause` after the last attempt. Never rejects. */
  async #fetch(pause: number): Promise<void> {
    if (!this.#running && passedSince(this.#triedAt, pause)) {
      this.#triedAt = Date.now();
      this.#running = this.#replace().then(
        () => this.#reach.answered(),
        (error: unknown) => this.#reach.failed((error as Error).message),
      ).finally(() => (this.#running = undefined));
    }
    await this.#running;
  }

  async #replace(): Promise<void> {
    const document = await fetchJson(this.#url(), { headers: { Accept: 'application/jwk-set+json, application/json' } });
    const keys = createLocalJWKSet(document as unknown as JSONWebKeySet);
    const published = keys.jwks().keys.map((key) => JSON.stringify(key)).sort().join();
    if (published !== this.#published) [this.#keys, this.#published] = [keys, published];
    this.#fetchedAt = Date.now();
  }

  /** Not 401: a client would throw a good token away and send its user to sign in, where the same outage waits. */
  #unavailable(): never {
    throw new RefusedError({ kind: 'keys-unavailable', reason: this.#reach.problem ?? 'the signing keys are being fetched' });
  }
}

/** Also true when the clock was set back, since then nobody knows. */
function passedSince(time: number, milliseconds: number): boolean {
  const age = Date.now() - time;
  return age < 0 || age >= milliseconds;
}
