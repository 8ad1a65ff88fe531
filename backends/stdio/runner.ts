import { Backoff } from './backoff.ts';
import { Child } from './child.ts';
import type { Log } from './log.ts';
import type { Message } from './messages.ts';
import { Refusal } from './refusal.ts';
import type { Timings } from './timings.ts';
import type { Launch } from './users.ts';

export const STOPPED = 'the server stopped; the log of its container says why';

export interface RunnerOptions {
  readonly launch: Launch;
  readonly timings: Timings;
  readonly log: Log;
  /** Waits until one more process may run, then calls back at once. @throws Refusal */
  readonly room: (claim: () => void) => Promise<void>;
}

/** Runs one process at a time: when it is needed, and again after a crash, but not at once. */
export class Runner {
  /** A crash now is no reason to wait before the next start. */
  forgiving = false;
  readonly #options: RunnerOptions;
  readonly #events: { message(message: Message): void; ended(): void };
  readonly #backoff: Backoff;
  #running = false;
  #child: Child | undefined;
  #starting: Promise<Child> | undefined;

  constructor(options: RunnerOptions, events: { message(message: Message): void; ended(): void }) {
    this.#options = options;
    this.#events = events;
    this.#backoff = new Backoff(options.timings);
  }

  /** There is a process, or will be in a moment. */
  get running(): boolean {
    return this.#running;
  }

  /** It crashed, and has to wait. */
  get waits(): boolean {
    return this.#backoff.remaining > 0;
  }

  send(message: Message): void {
    this.#child?.send(message);
  }

  /** The process, started if there is none. @throws Refusal */
  child(): Promise<Child> {
    if (this.#starting) return this.#starting;
    const starting = this.#start();
    const forget = () => {
      if (this.#starting === starting) this.#starting = undefined;
    };
    starting.then((child) => child.ended.then(forget), forget);
    return (this.#starting = starting);
  }

  async stop(patience = this.#options.timings.stop): Promise<void> {
    this.#starting = undefined;
    await this.#child?.stop(patience);
  }

  async #start(): Promise<Child> {
    // One that is being stopped may hold what the next one needs.
    await this.#child?.ended;
    const wait = this.#backoff.remaining;
    if (wait > 0) throw new Refusal(503, `the server stopped; it may start again in ${Math.ceil(wait / 1000)} s`, wait);
    await this.#options.room(() => (this.#running = true));
    try {
      const child = new Child(this.#options.launch, this.#options.log, (message) => this.#events.message(message));
      this.#child = child;
      void child.ended.then((crash) => this.#ended(child, crash));
      await child.started;
      return child;
    } catch (error) {
      this.#running = false;
      this.#say((error as Error).message);
      throw new Refusal(500, (error as Error).message);
    }
  }

  #ended(child: Child, crash: string | undefined): void {
    this.#running = false;
    this.#child = undefined;
    if (crash !== undefined && !this.forgiving) {
      const lived = performance.now() - child.startedAt;
      this.#backoff.crashed(lived);
      this.#say(`the server stopped by itself after ${Math.round(lived)} ms: ${crash}; it may start again in ${Math.round(this.#backoff.remaining)} ms`);
    }
    this.#events.ended();
  }

  #say(line: string): void {
    this.#options.log(`[${this.#options.launch.name}] ${line}`);
  }
}
