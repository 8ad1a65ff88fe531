import type { Pool } from './pool.ts';

/**
 * Whether the server is modern (2026-07-28) or legacy. That is a matter of the command, not of the process: it is asked once
 * (2026-07-28, stdio, "Backward Compatibility"), by the first modern client, in a process that has said nothing yet.
 */
export class Eras {
  readonly #pool: Pool;
  #modern: boolean | undefined;
  /** Taken for legacy because it did not answer. */
  #guessed = false;
  #asking: Promise<boolean> | undefined;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async isModern(subject: string): Promise<boolean> {
    if (this.#modern !== undefined) return this.#modern;
    this.#asking ??= this.#ask(subject).finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  /** A server that did not answer and then shakes hands is legacy. One that does neither may be asked again. */
  shaken(well: boolean): void {
    if (this.#guessed && !well) this.#modern = undefined;
    this.#guessed = false;
  }

  async #ask(subject: string): Promise<boolean> {
    const modern = await this.#pool.worker(subject, 'modern').probe();
    this.#guessed = modern === undefined;
    this.#modern = modern ?? false;
    if (!this.#modern) this.#pool.makeLegacy(subject);
    return this.#modern;
  }
}
