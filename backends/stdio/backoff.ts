import type { Timings } from './timings.ts';

/** Keeps a server that crashes at its start from being started over and over. */
export class Backoff {
  readonly #timings: Timings;
  #crashes = 0;
  #until = 0;

  constructor(timings: Timings) {
    this.#timings = timings;
  }

  /** Milliseconds until it may start again. */
  get remaining(): number {
    return Math.max(0, this.#until - performance.now());
  }

  /** Takes note of a crash after `lived` milliseconds. */
  crashed(lived: number): void {
    const { quickCrash, firstWait, longestWait } = this.#timings;
    this.#crashes = lived < quickCrash ? this.#crashes + 1 : 0;
    this.#until = this.#crashes === 0 ? 0 : performance.now() + Math.min(longestWait, firstWait * 2 ** (this.#crashes - 1));
  }
}
