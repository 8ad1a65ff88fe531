import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Caller } from './caller.ts';
import { atEnd } from './end.ts';
import { modernHeaders, type Era } from './envelope.ts';
import { isId, isObject, MessageError, type Id, type Message } from './json-rpc.ts';
import { Answer } from './relay/answer.ts';
import type { Backend, Outgoing } from './relay/backend.ts';
import type { IdMask } from './relay/ids.ts';
import type { InFlight } from './relay/in-flight.ts';
import { modernResults } from './relay/modern-result.ts';
import { Relay, type Rewriter } from './relay/relay.ts';
import type { Streams } from './relay/streams.ts';
import { discoverResult, gatewayInformation } from './sessions/handshake.ts';
import { SessionError, type Owner, type Session, type Sessions } from './sessions/session.ts';
import { errorTo, hasMethod, withoutModernMeta } from './translation.ts';
import { META, MODERN } from './versions.ts';
import { accept, acceptedTypes, answerJson, jsonHeaders, notAllowed, parameterHeaders, sessionHeaders } from './wire.ts';

/** Longest parameters of `initialize`, in characters. */
const MAX_INITIALIZE = 64 * 1024;
/** Patience with a backend that is told something, in milliseconds. */
const TELL_MILLISECONDS = 10_000;

/** What a worker's conversations share. */
export interface Surroundings {
  readonly sessions: Sessions;
  readonly mask: IdMask;
  readonly streams: Streams;
  readonly inFlight: InFlight;
}

/** One request of a client that may be made. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly caller: Caller;
  /** Who calls, for the backend. */
  readonly identity: Readonly<Record<string, string>>;
  /** For the log: why the backend gave no answer. */
  readonly failed: (reason: string) => void;
}

/**
 * The conversation between the clients of one MCP server and its backend, each in its own era of the protocol.
 * 2026-07-28 has no sessions: such requests pass as they are. With earlier versions the session toward the client is the
 * gateway's, and the one toward the backend, if it keeps one, belongs to one user with one client.
 */
export class Conversation {
  readonly #server: string;
  readonly #backend: Backend;
  readonly #shared: Surroundings;

  constructor(server: string, backend: Backend, shared: Surroundings) {
    this.#server = server;
    this.#backend = backend;
    this.#shared = shared;
  }

  async post(exchange: Exchange, messages: readonly Message[], batch: boolean, era: Era): Promise<void> {
    try {
      await this.#post(exchange, messages, batch, era);
    } catch (error) {
      if (!(error instanceof SessionError)) throw error;
      exchange.failed('no session');
      throw new MessageError(error.status, error.code, error.message, messages[0]!.id, error.data);
    }
  }

  async #post(exchange: Exchange, messages: readonly Message[], batch: boolean, era: Era): Promise<void> {
    const { caller, identity } = exchange;
    const [message] = messages as [Message];
    if (era === 'modern') {
      const modern = this.#shared.sessions.isModern(this.#server, identity);
      const session = modern === true || (await modern) ? undefined : await this.#shared.sessions.bridge(this.#owner(caller), identity);
      // The client hung up meanwhile: what is to be undone at the end of an answer would never be.
      if (exchange.res.destroyed) return;
      // The era of a backend is asked for one caller, whom it may have refused: its session knows better.
      return session?.era === 'legacy' ? this.#modernToLegacy(exchange, message, session) : this.#passModern(exchange, message);
    }
    if (messages.some(({ method }) => method === 'initialize')) return this.#initialize(exchange, message, batch);
    const session = await this.#session(exchange, message.id);
    if (exchange.res.destroyed) return;
    if (session.era === 'modern') return this.#legacyToModern(exchange, message, batch, session);
    return this.#passLegacy(exchange, messages, batch, session);
  }

  /** The stream on which a backend of an earlier version speaks unasked. */
  async get(exchange: Exchange): Promise<void> {
    if (isModern(exchange.req)) return notAllowed(exchange.res);
    const session = await this.#session(exchange, undefined);
    if (exchange.res.destroyed) return;
    if (session.era === 'modern' || session.backendId === undefined) return notAllowed(exchange.res);
    const lastEventId = exchange.req.headers['last-event-id'];
    const headers = { ...exchange.identity, accept: 'text/event-stream', ...(typeof lastEventId === 'string' && { 'last-event-id': lastEventId }) };
    this.#relay(exchange, this.#listening(this.#answer(exchange, undefined, session)), { method: 'GET', headers, silence: 0 }, { session, rewriter: () => this.#shared.mask.unmasking() });
  }

  /** A client ends its session. */
  async delete({ req, res, caller }: Exchange): Promise<void> {
    if (isModern(req)) return notAllowed(res);
    const id = req.headers['mcp-session-id'];
    if (typeof id !== 'string') throw new MessageError(400, -32600, 'Mcp-Session-Id is missing');
    if (!(await this.#shared.sessions.find(id, this.#owner(caller)))) throw unknownSession(undefined);
    await this.#shared.sessions.end(id, this.#owner(caller));
    res.writeHead(200).end();
  }

  async #initialize({ res, caller, identity }: Exchange, { id, params }: Message, batch: boolean): Promise<void> {
    if (batch) throw new MessageError(400, -32600, 'initialize must not be part of a batch');
    if (id === undefined) throw new MessageError(400, -32600, 'initialize is a request and needs an id');
    // It is kept for as long as the session, and said again when the backend has forgotten it.
    if (JSON.stringify(params).length > MAX_INITIALIZE) throw new MessageError(400, -32602, `The parameters of initialize are larger than ${MAX_INITIALIZE} characters`, id);
    const session = await this.#shared.sessions.initialize(this.#owner(caller), params, identity);
    answerJson(res, id, session.result, { 'Mcp-Session-Id': session.id });
  }

  /**
   * The session that a request names, or the newest of its user and client: hosted Claude never sends the id back. That is also for a
   * session of the process before this one: many clients take 404 for the end, though they should begin anew.
   */
  async #session({ req, caller, identity }: Exchange, id: Id | undefined): Promise<Session> {
    const named = req.headers['mcp-session-id'];
    const owner = this.#owner(caller);
    const session = typeof named === 'string' ? await this.#shared.sessions.resume(named, owner, identity) : await this.#shared.sessions.current(owner, identity);
    if (!session) throw unknownSession(id);
    return session;
  }

  #passModern(exchange: Exchange, message: Message): void {
    const answer = this.#answer(exchange, message.id);
    const headers = { ...this.#headers(exchange), ...parameterHeaders(exchange.req), ...modernHeaders(message) };
    // A subscription may be silent for as long as it likes.
    const subscribes = message.method === 'subscriptions/listen';
    if (subscribes) this.#listening(answer);
    const silence = subscribes ? { silence: 0 } : {};
    this.#relay(exchange, answer, { method: 'POST', headers, body: JSON.stringify(message.body), ...silence }, {});
  }

  #passLegacy(exchange: Exchange, messages: readonly Message[], batch: boolean, session: Session): void {
    const { inFlight } = this.#shared;
    const stateful = session.backendId !== undefined;
    const told = messages.filter(({ method, params }) => {
      // It names the id that the client chose; the backend knows another.
      if (stateful && method === 'notifications/cancelled') inFlight.cancel(session.id, params.requestId, params.reason);
      else return method !== 'notifications/initialized';
    });
    if (told.length === 0) return accept(exchange.res);
    const answer = this.#answer(exchange, told.find(({ kind }) => kind === 'request')?.id, session);
    const bodies = told.map((message) => (stateful ? this.#masked(exchange.res, message, session, exchange.identity) : message.body));
    const rewriter = stateful ? () => this.#shared.mask.unmasking() : undefined;
    this.#relay(exchange, answer, { method: 'POST', headers: this.#headers(exchange), body: JSON.stringify(batch ? bodies : bodies[0]) }, { session, rewriter });
  }

  /** A client of an earlier version, a backend of 2026-07-28. */
  #legacyToModern(exchange: Exchange, message: Message, batch: boolean, session: Session): void {
    if (batch) throw new MessageError(400, -32600, 'This server takes no batches');
    const { inFlight } = this.#shared;
    const { kind, method, id, params, body } = message;
    if (method === 'notifications/cancelled') inFlight.cancel(session.id, params.requestId, params.reason);
    if (kind !== 'request') return accept(exchange.res);
    if (method === 'ping') return answerJson(exchange.res, id!, {});
    // It would not go into a header.
    if (!/^[\x21-\x7e]+$/.test(method)) throw new MessageError(200, -32601, 'Method not found', id);
    const meta = { ...(isObject(params._meta) ? params._meta : {}), [META.version]: MODERN, [META.client]: gatewayInformation, [META.capabilities]: {} };
    const modern = { ...message, params: { ...params, _meta: meta } };
    const headers = { ...this.#headers(exchange), ...modernHeaders(modern) };
    const relay = this.#relay(exchange, this.#answer(exchange, id, session), { method: 'POST', headers, body: JSON.stringify({ ...body, params: modern.params }) }, { errorsAreAnswers: true });
    atEnd(exchange.res, inFlight.add(session.id, id!, () => relay.cancel()));
  }

  /** A client of 2026-07-28, a backend of an earlier version. */
  #modernToLegacy(exchange: Exchange, message: Message, session: Session): void {
    const { kind, method, id, params } = message;
    if (kind !== 'request') return accept(exchange.res);
    if (method === 'server/discover') return answerJson(exchange.res, id!, discoverResult(session.result));
    if (method === 'subscriptions/listen') return this.#acknowledge(exchange, id!);
    if (!hasMethod(method, session.result.capabilities)) throw new MessageError(404, -32601, `Method not found: ${method}`, id);
    const plain: Message = { ...message, body: { ...message.body, params: withoutModernMeta(params) }, params: withoutModernMeta(params) };
    const body = session.backendId === undefined ? plain.body : this.#masked(exchange.res, plain, session, exchange.identity, true);
    const refuseRequest = (asked: unknown, asking: string) => this.#tell(session, exchange.identity, errorTo(asked, asking));
    const results = modernResults({ method, refuseRequest });
    const rewriter = (contentType: string) => (session.backendId === undefined ? results(contentType) : chained(results(contentType), this.#shared.mask.unmasking()));
    this.#relay(exchange, this.#answer(exchange, id, session), { method: 'POST', headers: this.#headers(exchange), body: JSON.stringify(body) }, { session, rewriter });
  }

  /** No earlier server can promise what a subscription asks for: it is acknowledged for nothing, and kept open. */
  #acknowledge(exchange: Exchange, id: Id): void {
    const answer = this.#listening(this.#answer(exchange, id));
    answer.begin(200, 'text/event-stream');
    const message = { jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: { _meta: { [META.subscription]: id }, notifications: {} } };
    answer.write(Buffer.from(`event: message\ndata: ${JSON.stringify(message)}\n\n`));
  }

  /** The message with ids of the gateway's own, under which it can be cancelled. */
  #masked(res: ServerResponse, { kind, id, body, params }: Message, session: Session, identity: Exchange['identity'], cancelOnClose = false): Record<string, unknown> {
    if (kind !== 'request') return body;
    const mask = this.#shared.mask.mask(id!);
    const token = isObject(params._meta) ? params._meta.progressToken : undefined;
    const cancel = (reason?: unknown) => this.#tell(session, identity, { method: 'notifications/cancelled', params: { requestId: mask, reason } });
    const done = this.#shared.inFlight.add(session.id, id!, cancel);
    atEnd(res, () => {
      done();
      // In 2026-07-28 closing the stream cancels the call; in earlier versions it does not.
      if (cancelOnClose && !res.writableFinished) cancel();
    });
    if (!isId(token)) return { ...body, id: mask };
    return { ...body, id: mask, params: { ...params, _meta: { ...(params._meta as object), progressToken: this.#shared.mask.mask(token) } } };
  }

  /** Says something to the backend in a session, and expects nothing. */
  #tell(session: Session, identity: Exchange['identity'], message: object): void {
    const headers = { ...identity, ...jsonHeaders, ...sessionHeaders(session) };
    const ignore = () => {};
    const enough = (controller: Dispatcher.DispatchController) => controller.abort(new Error('Nothing more is expected'));
    this.#backend.send({ method: 'POST', headers, body: JSON.stringify({ jsonrpc: '2.0', ...message }), silence: TELL_MILLISECONDS }, { onRequestStart: ignore, onResponseStart: enough, onResponseData: ignore, onResponseEnd: ignore, onResponseError: ignore });
  }

  #relay(exchange: Exchange, answer: Answer, outgoing: Outgoing, how: { session?: Session; rewriter?: ((contentType: string) => Rewriter) | undefined; errorsAreAnswers?: boolean; again?: boolean }): Relay {
    const { session, rewriter, errorsAreAnswers = false, again = false } = how;
    const headers = session ? { ...outgoing.headers, ...sessionHeaders(session) } : outgoing.headers;
    const sessionLost = session?.backendId === undefined || again ? undefined : () => void this.#renewed(exchange, answer, outgoing, { ...how, session });
    const relay = new Relay(answer, { server: this.#server, rewriter, errorsAreAnswers, sessionLost, failed: exchange.failed });
    this.#backend.send({ ...outgoing, headers }, relay);
    return relay;
  }

  /** The backend has forgotten the session, as after a restart: the call is made again in a new one. */
  async #renewed(exchange: Exchange, answer: Answer, outgoing: Outgoing, how: { session: Session; rewriter?: ((contentType: string) => Rewriter) | undefined }): Promise<void> {
    try {
      const session = await this.#shared.sessions.renew(how.session.id, how.session.backendId, exchange.identity);
      if (session === undefined) return answer.fail(404, -32600, 'Session not found');
      this.#relay(exchange, answer, outgoing, { ...how, session, again: true });
    } catch (error) {
      exchange.failed('no new session');
      answer.fail(503, -32603, (error as Error).message, { retryAfter: 5 });
    }
  }

  #owner({ subject, clientId }: Caller): Owner {
    return { server: this.#server, subject, clientId };
  }

  #headers({ req, identity }: Exchange): Record<string, string> {
    return { ...identity, ...jsonHeaders, accept: acceptedTypes(req) };
  }

  #listening(answer: Answer): Answer {
    this.#shared.streams.listens(answer);
    return answer;
  }

  #answer({ req, res }: Exchange, id: Id | undefined, session?: Session): Answer {
    const answer = new Answer(res, { id, acceptsEvents: req.headers.accept?.includes('text/event-stream') ?? false });
    this.#shared.streams.add(answer, session?.id);
    return answer;
  }
}

function chained(first: Rewriter, second: Rewriter): Rewriter {
  return { write: (chunk) => second.write(first.write(chunk)), end: () => Buffer.concat([second.write(first.end()), second.end()]) };
}

/** 2026-07-28 has nothing but POST. */
function isModern({ headers }: IncomingMessage): boolean {
  return headers['mcp-protocol-version'] === MODERN;
}

function unknownSession(id: Id | undefined): MessageError {
  return new MessageError(404, -32600, 'Session not found', id);
}
