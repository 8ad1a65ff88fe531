import { codes, failure, isNotification, isRequest, isResponse, metaOf, notification, withMeta } from './messages.ts';
import type { Id, Message, Notification, Request, Response } from './messages.ts';
import { Questions, type Taker } from './questions.ts';
import { Answer, type Sink } from './reply.ts';
import { restored, SUBSCRIPTION } from './restored.ts';
import type { Session } from './sessions.ts';

const LOG_LEVEL = 'io.modelcontextprotocol/logLevel';

/** Who makes a request. */
export interface Caller {
  readonly subject: string;
  /** None where the client is modern. */
  readonly session?: Session;
}

/** A request that the server has not answered yet. */
interface Pending extends Partial<Caller> {
  readonly request: Request;
  readonly sink: Sink;
}

/** The parties around a bridge. */
export interface Banks {
  /** To the server. */
  send(message: Message): void;
  /** Those with a share in the server, the most recently active last. */
  readonly sessions: ReadonlySet<Session>;
  /** All of them belong to one user. */
  readonly oneUser: boolean;
}

/**
 * Joins the clients of a server process. Clients choose the same ids, so requests and progress tokens get ids of the
 * bridge's own on their way to the server, and those of the server on their way to clients.
 */
export class Bridge {
  readonly #banks: Banks;
  /** In the order of their last activity. */
  readonly #pending = new Map<unknown, Pending>();
  readonly #questions: Questions;
  #counter = 0;

  constructor(banks: Banks) {
    this.#banks = banks;
    this.#questions = new Questions((message) => banks.send(message));
  }

  /** Somebody waits for an answer. */
  get busy(): boolean {
    return [...this.#pending.values()].some(({ sink }) => sink.open);
  }

  get inFlight(): number {
    return this.#pending.size;
  }

  /** Makes room for one more request of a user: past `share` the oldest that nobody waits for any more is given up. @returns whether there is room. */
  makeRoom(subject: string, share: number): boolean {
    const own = [...this.#pending].filter(([, pending]) => pending.subject === subject);
    if (own.length < share) return true;
    const abandoned = own.find(([, { sink }]) => !sink.open);
    if (abandoned) this.#cancel(abandoned[0] as Id, abandoned[1], 'the client has gone');
    return abandoned !== undefined;
  }

  /** One without a caller is the supervisor's own. */
  request(request: Request, sink: Sink, caller?: Caller): void {
    this.#counter += 1;
    const id = this.#counter;
    this.#pending.set(id, { ...caller, request, sink });
    sink.onGone(() => this.#gone(id, sink));
    const token = metaOf(request).progressToken;
    this.#banks.send({ ...(token === undefined ? request : withMeta(request, { progressToken: id })), id });
  }

  ask(method: string, params: Readonly<Record<string, unknown>>): Promise<Message> {
    const answer = new Answer();
    this.request({ jsonrpc: '2.0', id: 0, method, params }, answer);
    return answer.message;
  }

  /** A notification of a client. */
  notify(message: Notification, session?: Session): void {
    if (message.method !== 'notifications/cancelled') return this.#banks.send(message);
    // A modern client cancels by closing its stream. By an id, which is not unique among clients, it could hit another's call.
    if (session === undefined) return;
    const concerns = (pending: Pending) => pending.session === session && pending.request.id === message.params?.requestId;
    for (const [id, pending] of this.#pending) if (concerns(pending)) return this.#cancel(id as Id, pending, message.params?.reason);
  }

  /** A client's answer to a request of the server. */
  answer(message: Response, session: Session): void {
    this.#questions.answer(message, session);
  }

  fromServer(message: Message): void {
    if (isResponse(message)) this.#response(message);
    else if (isRequest(message)) this.#serverRequest(message);
    else if (isNotification(message)) this.#serverNotification(message);
  }

  /** The server has ended: whoever waits for it hears so now. */
  fail(reason: string): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    this.#questions.clear();
    for (const { request, sink } of pending) sink.end(failure(request.id, codes.internal, reason));
  }

  leave(session: Session): void {
    for (const [id, pending] of this.#pending) if (pending.session === session) this.#cancel(id as Id, pending, 'the session has ended');
    this.#questions.giveUp((taker) => taker.session === session);
  }

  /** Nobody listens there any more. */
  abandon(sink: Sink): void {
    this.#questions.giveUp((taker) => taker.sink === sink);
  }

  #gone(id: Id, sink: Sink): void {
    const pending = this.#pending.get(id);
    // Only in 2026-07-28 is a closed stream a cancelled request; before, the call goes on.
    if (pending && pending.session === undefined) this.#cancel(id, pending, 'the client has gone');
    this.abandon(sink);
  }

  #cancel(id: Id, { sink }: Pending, reason: unknown): void {
    this.#pending.delete(id);
    this.#banks.send(notification('notifications/cancelled', { requestId: id, ...(typeof reason === 'string' && { reason }) }));
    // A cancelled request gets no answer, but its stream an end.
    if (sink.open) sink.close();
  }

  #response(message: Response): void {
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    this.#pending.delete(message.id);
    if (!message.error) pending.session?.subscriptions.granted(pending.request);
    pending.sink.end(restored({ ...message, id: pending.request.id }, pending.request));
  }

  #serverRequest(request: Request): void {
    if (request.method === 'ping') return this.#banks.send({ jsonrpc: '2.0', id: request.id, result: {} });
    const taker = this.#takerOf(request.method.split('/')[0]!);
    if (taker) this.#questions.ask(request, taker);
    // At once: a server that waits for a client that will never answer hangs, and its caller with it.
    else this.#banks.send(failure(request.id, codes.methodNotFound, `No client can take ${request.method} at the moment`));
  }

  /**
   * Who could take a request that needs a capability. The protocol does not say for whom a server asks: most likely for
   * the call that was active last. With several users it could be the wrong one, who would see another's data; so nobody.
   */
  #takerOf(capability: string): Taker | undefined {
    if (!this.#banks.oneUser) return undefined;
    const able = (session: Session | undefined) => session !== undefined && Object.hasOwn(session.capabilities, capability);
    const call = [...this.#pending.values()].findLast(({ sink, session }) => sink.open && able(session));
    if (call) return { sink: call.sink, session: call.session! };
    const session = [...this.#banks.sessions].findLast((one) => able(one) && one.stream?.open);
    return session && { sink: session.stream!, session };
  }

  #serverNotification(message: Notification): void {
    const subscription = metaOf(message)[SUBSCRIPTION];
    if (message.method === 'notifications/progress') this.#toCall(message.params?.progressToken, message);
    else if (message.method === 'notifications/cancelled') this.#serverCancels(message);
    else if (subscription !== undefined) this.#toCall(subscription, message);
    else if (message.method === 'notifications/message') this.#logged(message);
    else if (message.method === 'notifications/resources/updated') this.#updated(message);
    else this.#toStreams(message);
  }

  /** To the call that it belongs to, which counts as active. */
  #toCall(id: unknown, message: Notification): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    this.#pending.set(id, pending);
    pending.sink.send(restored(message, pending.request));
  }

  /** It takes back a request of its own, or (2026-07-28, "Subscriptions") ends a subscription. */
  #serverCancels(message: Notification): void {
    if (this.#questions.takeBack(message)) return;
    const id = message.params?.requestId;
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    pending.sink.send(restored({ ...message, params: { ...message.params, requestId: pending.request.id } }, pending.request));
    pending.sink.close();
  }

  /** Log messages name no call: see `#takerOf`. */
  #logged(message: Notification): void {
    if (!this.#banks.oneUser) return;
    // Modern servers log only for calls that ask for it.
    const wanted = ({ request, sink, session }: Pending) => sink.open && (session !== undefined || LOG_LEVEL in metaOf(request));
    const call = [...this.#pending.values()].findLast(wanted);
    if (call) call.sink.send(message);
    else this.#toStreams(message);
  }

  /** Among several users only to those who subscribed: a URI, and when it changes, may be one's secret. */
  #updated(message: Notification): void {
    this.#toStreams(message, ({ subscriptions }) => this.#banks.oneUser || subscriptions.cover(message));
  }

  #toStreams(message: Notification, concerns: (session: Session) => boolean = () => true): void {
    for (const session of this.#banks.sessions) if (concerns(session)) session.stream?.send(message);
  }
}
