import { setTimeout as delay } from 'node:timers/promises';
import { Bridge, type Caller } from './bridge.ts';
import type { Child } from './child.ts';
import { codes, failure, notification, type Message, type Notification, type Request, type Response } from './messages.ts';
import { Refusal } from './refusal.ts';
import type { Sink } from './reply.ts';
import { Runner, STOPPED, type RunnerOptions } from './runner.ts';
import type { Session } from './sessions.ts';
import { discoverParams, isModernAnswer } from './versions.ts';

/** Most requests that one process works on at once. */
const MAX_IN_FLIGHT = 1_000;
/** Most of them that may be one user's where others share the process: nobody is to lock them out. */
const SHARE = 100;

export interface WorkerOptions extends RunnerOptions {
  /** One user's, not shared. */
  readonly oneUser: boolean;
  /** How a handshake went. */
  readonly shaken: (well: boolean) => void;
}

/** The server of one user, or the shared one, as its clients see it. */
export class Worker {
  lastUse = performance.now();
  readonly #options: WorkerOptions;
  /** The most recently active last. */
  readonly #sessions = new Set<Session>();
  readonly #bridge: Bridge;
  readonly #runner: Runner;
  /** The first client's `initialize`, for every process to come. */
  #greeting: Request['params'];
  #handshake: { readonly child: Child; readonly answer: Promise<Message> } | undefined;
  #waiting = 0;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#bridge = new Bridge({ sessions: this.#sessions, oneUser: options.oneUser, send: (message) => this.#runner.send(message) });
    this.#runner = new Runner(options, {
      message: (message) => this.#bridge.fromServer(message),
      ended: () => this.#bridge.fail(STOPPED),
    });
  }

  get running(): boolean {
    return this.#runner.running;
  }

  get busy(): boolean {
    return this.#waiting > 0 || this.#bridge.busy || [...this.#sessions].some(({ stream }) => stream?.open);
  }

  /** Nothing would be lost without it. */
  get disposable(): boolean {
    return !this.running && !this.busy && this.#sessions.size === 0 && !this.#runner.waits;
  }

  /** The session belongs to it, and was active now. */
  join(session: Session): void {
    this.#sessions.delete(session);
    this.#sessions.add(session);
  }

  leave(session: Session): void {
    this.#sessions.delete(session);
    this.#bridge.leave(session);
  }

  /** Nobody listens there any more. */
  abandon(sink: Sink): void {
    this.#bridge.abandon(sink);
  }

  /** Shakes hands with the server once, and gives every client the same answer. */
  initialize(params: Request['params']): Promise<Message> {
    return this.#use(async () => {
      // A shared server is to ask nothing: there would be no telling whom (see Bridge).
      this.#greeting ??= this.#options.oneUser ? params : { ...params, capabilities: {} };
      return this.#shakeHands(await this.#runner.child());
    });
  }

  request(request: Request, sink: Sink, caller: Caller): Promise<void> {
    return this.#use(async () => {
      const child = await this.#ready();
      if (!sink.open) return;
      if (!this.#bridge.makeRoom(caller.subject, this.#options.oneUser ? MAX_IN_FLIGHT : SHARE)) throw new Refusal(503, 'you have too many calls under way', 1_000);
      if (this.#bridge.inFlight >= MAX_IN_FLIGHT) throw new Refusal(503, 'the server has too much to do', 1_000);
      if (child.hasEnded) sink.end(failure(request.id, codes.internal, STOPPED));
      else this.#bridge.request(request, sink, caller);
    });
  }

  /** Not worth starting a server for. */
  notify(message: Notification, session?: Session): void {
    if (message.method !== 'notifications/initialized') this.#bridge.notify(message, session);
  }

  answer(message: Response, session: Session): void {
    this.#bridge.answer(message, session);
  }

  /** Asks a server that is fresh whether it is modern. `undefined`: it did not say in time, or ended over the question. */
  async probe(): Promise<boolean | undefined> {
    // Some servers end over a question that they do not know: no reason to keep them from being asked another way.
    this.#runner.forgiving = true;
    try {
      return await this.#use(async () => {
        const child = await this.#runner.child();
        const answered = this.#bridge.ask('server/discover', discoverParams).then((answer) => (child.hasEnded ? undefined : isModernAnswer(answer)));
        const { probe, firstSign } = this.#options.timings;
        const silence = Promise.race([child.firstSign, later(firstSign)]).then(() => later(probe));
        return Promise.race([answered, silence]);
      });
    } finally {
      this.#runner.forgiving = false;
    }
  }

  stop(patience?: number): Promise<void> {
    return this.#runner.stop(patience);
  }

  /** In use while `work` lasts, since idle ones are stopped. */
  async #use<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting += 1;
    try {
      return await work();
    } finally {
      this.#waiting -= 1;
      this.lastUse = performance.now();
    }
  }

  /** A process that has shaken hands, where there are clients that did. */
  async #ready(): Promise<Child> {
    const child = await this.#runner.child();
    if (this.#greeting === undefined) return child;
    const { error } = await this.#shakeHands(child);
    if (error) throw new Refusal(502, error.message);
    return child;
  }

  #shakeHands(child: Child): Promise<Message> {
    if (this.#handshake?.child !== child) this.#handshake = { child, answer: this.#askToInitialize(child) };
    return this.#handshake.answer;
  }

  async #askToInitialize(child: Child): Promise<Message> {
    const { handshake } = this.#options.timings;
    const timer = setTimeout(() => {
      this.#options.log(`[${this.#options.launch.name}] stopped: no answer to initialize within ${handshake} ms`);
      this.#bridge.fail('the server does not answer');
      void this.stop();
    }, handshake);
    const answer = await this.#bridge.ask('initialize', this.#greeting ?? {});
    clearTimeout(timer);
    this.#options.shaken(answer.error === undefined);
    if (answer.error) {
      this.#handshake = undefined;
      // The next client may offer something else, unless there are clients for whom this was good enough.
      if (this.#sessions.size === 0) this.#greeting = undefined;
    } else {
      child.send(notification('notifications/initialized'));
    }
    return answer;
  }
}

/** Nothing, after a while, for which no program needs to stay. */
function later(milliseconds: number): Promise<undefined> {
  return delay(milliseconds, undefined, { ref: false });
}
