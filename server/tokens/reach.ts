import type { Logger } from '../logger.ts';

/** Whether something answers that is asked again and again. The log hears of it when that changes, not each time. */
export class Reach {
  readonly #what: string;
  readonly #logger: Logger;
  #problem: string | undefined;

  /** @param what for the log, for example "the signing keys" */
  constructor(what: string, logger: Logger) {
    this.#what = what;
    this.#logger = logger;
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  answered(): void {
    if (this.#problem !== undefined) this.#logger.info(`${this.#what}: available again`);
    this.#problem = undefined;
  }

  failed(problem: string): void {
    if (this.#problem !== problem) this.#logger.error(`${this.#what}: ${problem}`);
    this.#problem = problem;
  }
}
