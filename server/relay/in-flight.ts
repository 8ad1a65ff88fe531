import { BroadcastChannel } from 'node:worker_threads';
import { isId, type Id } from '../json-rpc.ts';

type Cancel = (reason?: unknown) => void;

interface Cancellation {
  readonly session: string;
  readonly id: Id;
  readonly reason: unknown;
}

/**
 * The calls under way in sessions, by the ids that clients know them under. The notification that cancels a call may arrive
 * at another worker than the call did, so the workers tell each other.
 */
export class InFlight {
  readonly #calls = new Map<string, Set<Cancel>>();
  readonly #channel = new BroadcastChannel('drawbridge-cancellations');

  constructor() {
    this.#channel.unref();
    this.#channel.onmessage = (event) => this.#cancelHere((event as { data: Cancellation }).data);
  }

  /** @returns what to call when the call is over. */
  add(session: string, id: Id, cancel: Cancel): () => void {
    const key = JSON.stringify([session, id]);
    const calls = this.#calls.get(key) ?? new Set();
    this.#calls.set(key, calls.add(cancel));
    return () => {
      calls.delete(cancel);
      if (calls.size === 0) this.#calls.delete(key);
    };
  }

  cancel(session: string, id: unknown, reason: unknown): void {
    if (!isId(id)) return;
    const cancellation: Cancellation = { session, id, reason: typeof reason === 'string' ? reason : undefined };
    this.#cancelHere(cancellation);
    this.#channel.postMessage(cancellation);
  }

  close(): void {
    this.#channel.close();
  }

  #cancelHere({ session, id, reason }: Cancellation): void {
    const calls = this.#calls.get(JSON.stringify([session, id]));
    // A client that uses one id for several calls at once does not say which it means: none is better than the wrong one.
    if (calls?.size === 1) for (const cancel of calls) cancel(reason);
  }
}
