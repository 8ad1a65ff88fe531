import { Eras } from './eras.ts';
import type { Log } from './log.ts';
import { Refusal } from './refusal.ts';
import type { Settings } from './settings.ts';
import type { Timings } from './timings.ts';
import { launchFor } from './users.ts';
import { Worker } from './worker.ts';

/** A server that speaks both eras keeps to one for the life of its process (2026-07-28, "Versioning"): each gets its own. */
export type Era = 'legacy' | 'modern';

export interface PoolOptions {
  readonly settings: Settings;
  /** The supervisor's own, a little of which servers inherit. */
  readonly environment: NodeJS.ProcessEnv;
  readonly timings: Timings;
  readonly log: Log;
}

/** The workers of all users, and the limit to how many run. */
export class Pool {
  readonly eras: Eras;
  readonly #options: PoolOptions;
  readonly #workers = new Map<string, Worker>();
  readonly #sweep: NodeJS.Timeout;
  #stopped = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.eras = new Eras(this);
    this.#sweep = setInterval(() => this.#stopIdle(), Math.min(1_000, options.settings.idleSeconds * 250));
  }

  worker(subject: string, era: Era): Worker {
    const key = this.#key(subject, era);
    const known = this.#workers.get(key);
    if (known) return known;
    const { settings, environment, timings, log } = this.#options;
    const oneUser = settings.processes === 'per-user';
    const worker = new Worker({
      launch: launchFor(oneUser ? subject : undefined, settings, environment),
      oneUser,
      timings,
      log,
      room: (claim) => this.#room(claim),
      shaken: (well) => this.eras.shaken(well),
    });
    this.#workers.set(key, worker);
    return worker;
  }

  /** The worker that was asked whether it is modern is not: it takes the legacy clients, unless another one does. */
  makeLegacy(subject: string): void {
    const [from, to] = [this.#key(subject, 'modern'), this.#key(subject, 'legacy')];
    const worker = this.#workers.get(from);
    if (worker === undefined) return;
    this.#workers.delete(from);
    if (this.#workers.has(to)) void worker.stop();
    else this.#workers.set(to, worker);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#sweep);
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop(this.#options.timings.stopAtEnd)));
  }

  #key(subject: string, era: Era): string {
    return this.#options.settings.processes === 'shared' ? era : `${era} ${subject}`;
  }

  /** Stops the process that has been idle longest where as many run as may. */
  async #room(claim: () => void): Promise<void> {
    for (;;) {
      if (this.#stopped) throw new Refusal(503, 'the supervisor stops');
      const running = [...this.#workers.values()].filter((worker) => worker.running);
      if (running.length < this.#options.settings.maxProcesses) return claim();
      const idle = running.filter((worker) => !worker.busy).sort((a, b) => a.lastUse - b.lastUse)[0];
      if (idle === undefined) throw new Refusal(503, 'as many processes as may run are busy', 5_000);
      await idle.stop();
    }
  }

  #stopIdle(): void {
    const before = performance.now() - this.#options.settings.idleSeconds * 1000;
    for (const [key, worker] of this.#workers) {
      if (worker.busy) worker.lastUse = performance.now();
      else if (worker.running && worker.lastUse < before) void worker.stop();
      else if (worker.disposable) this.#workers.delete(key);
    }
  }
}
