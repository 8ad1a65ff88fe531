import { atEnd } from '../end.ts';
import type { Answer } from './answer.ts';

const SWEEP_MILLISECONDS = 5_000;

/** The answers that are under way, kept alive by one timer for all of them. */
export class Streams {
  /** With the sessions that they are in, if any. */
  readonly #answers = new Map<Answer, string | undefined>();
  /** Those of them on which a backend speaks unasked, for as long as both like. */
  readonly #listening = new Set<Answer>();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => {
      const now = Date.now();
      for (const answer of this.#answers.keys()) answer.keepAlive(now);
    }, SWEEP_MILLISECONDS).unref();
  }

  get size(): number {
    return this.#answers.size;
  }

  /** Sessions that are in use though nothing may be asked in them. */
  get sessions(): string[] {
    return [...new Set(this.#answers.values())].filter((session) => session !== undefined);
  }

  add(answer: Answer, session?: string): void {
    this.#answers.set(answer, session);
    atEnd(answer.res, () => {
      this.#answers.delete(answer);
      this.#listening.delete(answer);
    });
  }

  /** Says of one that was added that nothing is asked in it. */
  listens(answer: Answer): void {
    this.#listening.add(answer);
  }

  /** Ends those, each where an event does. */
  endListening(): void {
    for (const answer of this.#listening) answer.endBetweenEvents();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
