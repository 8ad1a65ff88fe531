import { hash } from 'node:crypto';
import type { Caller } from '../caller.ts';
import { CLOCK_TOLERANCE_SECONDS } from './claims.ts';

/**
 * Checks a token. Answers at once where the verdict is known.
 * @throws RefusedError, at once or as a rejection, when the token is not acceptable or cannot be checked
 */
export type Verify = (token: string) => Caller | Promise<Caller>;

/** A token was found good. */
export interface Verdict {
  readonly caller: Caller;
  /** What the verdict rests on and falls with: the signing keys. */
  readonly basis?: unknown;
}

const MAX_AGE_MILLISECONDS = 60_000;
/** Some 700 bytes each. */
const CAPACITY = 10_000;

interface Entry extends Verdict {
  /** In milliseconds since the epoch, both. */
  readonly since: number;
  readonly until: number;
}

/**
 * Remembers good tokens by their hash: never longer than a minute or than the token lives, and no longer than their basis
 * is in force. Bad tokens are not remembered, or made-up ones would push out the good. A token is judged once at a time.
 */
export function remember(judge: (token: string) => Promise<Verdict>, basisInForce: () => unknown = () => undefined, capacity = CAPACITY): Verify {
  // In the order of last use: the first is the one to forget.
  const known = new Map<string, Entry>();
  const running = new Map<string, Promise<Caller>>();

  const learn = (key: string, { caller, basis }: Verdict): Caller => {
    const since = Date.now();
    const until = Math.min(since + MAX_AGE_MILLISECONDS, (caller.expiresAt + CLOCK_TOLERANCE_SECONDS) * 1000);
    if (known.size >= capacity) known.delete(known.keys().next().value!);
    known.set(key, { caller, basis, since, until });
    return caller;
  };

  return (token) => {
    const key = hash('sha256', token, 'base64url');
    const entry = known.get(key);
    if (entry) {
      known.delete(key);
      const now = Date.now();
      // `since` matters when the clock was set back.
      if (now >= entry.since && now < entry.until && entry.basis === basisInForce()) {
        known.set(key, entry);
        return entry.caller;
      }
    }
    const begun = running.get(key);
    if (begun) return begun;
    const judged = judge(token).then((verdict) => learn(key, verdict)).finally(() => running.delete(key));
    running.set(key, judged);
    return judged;
  };
}
