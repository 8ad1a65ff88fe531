import { codes, failure, type Id, type Message, type Notification, type Request, type Response } from './messages.ts';
import type { Sink } from './reply.ts';
import type { Session } from './sessions.ts';

/** Who is asked. */
export interface Taker {
  readonly session: Session;
  readonly sink: Sink;
}

/** What the server asks its clients (sampling, elicitation, roots), and has had no answer to. Each gets an id of our own. */
export class Questions {
  readonly #open = new Map<Id, Taker & { readonly id: Id }>();
  readonly #toServer: (message: Message) => void;
  #counter = 0;

  constructor(toServer: (message: Message) => void) {
    this.#toServer = toServer;
  }

  ask(request: Request, taker: Taker): void {
    this.#counter += 1;
    this.#open.set(this.#counter, { id: request.id, ...taker });
    taker.sink.send({ ...request, id: this.#counter });
  }

  answer(message: Response, session: Session): void {
    const question = this.#open.get(message.id);
    // Another session has no say in it, though it can guess the id.
    if (question?.session !== session) return;
    this.#open.delete(message.id);
    this.#toServer({ ...message, id: question.id });
  }

  /** The server takes one back. @returns whether it was one. */
  takeBack(message: Notification): boolean {
    for (const [id, question] of this.#open) {
      if (question.id !== message.params?.requestId) continue;
      this.#open.delete(id);
      question.sink.send({ ...message, params: { ...message.params, requestId: id } });
      return true;
    }
    return false;
  }

  /** There will be no answer from those that have gone: the server is told, or it would wait. */
  giveUp(hasGone: (taker: Taker) => boolean): void {
    for (const [id, question] of this.#open) {
      if (!hasGone(question)) continue;
      this.#open.delete(id);
      this.#toServer(failure(question.id, codes.internal, 'The client has gone'));
    }
  }

  /** The server has gone. */
  clear(): void {
    this.#open.clear();
  }
}
