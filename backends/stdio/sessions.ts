import { randomUUID } from 'node:crypto';
import type { Reply } from './reply.ts';
import { Subscriptions } from './subscriptions.ts';
import type { Worker } from './worker.ts';

/** Most sessions at once. Past it the one that was used longest ago ends; its client is told by a 404 to begin anew. */
export const MAX_SESSIONS = 10_000;

/** A client of a version before 2026-07-28 that has shaken hands. */
export interface Session {
  readonly id: string;
  readonly subject: string;
  readonly worker: Worker;
  /** What the client said it can do for a server. */
  readonly capabilities: Readonly<Record<string, unknown>>;
  readonly subscriptions: Subscriptions;
  /** Its GET stream. */
  stream?: Reply | undefined;
}

export class Sessions {
  /** In the order of their last use. */
  readonly #byId = new Map<string, Session>();

  open(subject: string, worker: Worker, capabilities: Session['capabilities']): Session {
    const session: Session = { id: randomUUID(), subject, worker, capabilities, subscriptions: new Subscriptions() };
    this.#byId.set(session.id, session);
    worker.join(session);
    for (const oldest of this.#byId.values()) {
      if (this.#byId.size <= MAX_SESSIONS) break;
      this.close(oldest);
    }
    return session;
  }

  /** @returns nothing also where the session is another user's: its id must not be worth stealing. */
  use(id: string, subject: string): Session | undefined {
    const session = this.#byId.get(id);
    if (session?.subject !== subject) return undefined;
    this.#byId.delete(id);
    this.#byId.set(id, session);
    session.worker.join(session);
    return session;
  }

  close(session: Session): void {
    this.#byId.delete(session.id);
    session.worker.leave(session);
    session.stream?.close();
  }
}
