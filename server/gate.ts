import type { IncomingMessage, ServerResponse } from 'node:http';
import { createAllowlist } from './allowlist.ts';
import { readToken } from './authentication.ts';
import { createAuthorization, targetsOf, type Authorization, type Target } from './authorization.ts';
import { readBody } from './body.ts';
import type { Caller } from './caller.ts';
import { challengeFor, RefusedError } from './challenge.ts';
import type { Conversation } from './conversation.ts';
import { atEnd } from './end.ts';
import { eraOf } from './envelope.ts';
import type { IdentityHeaders } from './identity.ts';
import { errorBody, MessageError, parseMessages, type Message } from './json-rpc.ts';
import type { Limits } from './limits.ts';
import type { Annotations } from './journal.ts';
import { describeError, loggable, type Logger } from './logger.ts';
import { allowOrigin, answerPreflight } from './origins.ts';
import type { ServerSettings } from './settings.ts';
import type { Tokens, Verify } from './tokens/index.ts';

/** What a gate needs beyond its server's settings. */
export interface GateSurroundings {
  readonly tokens: Tokens;
  readonly limits: Limits;
  readonly bodyBytes: number;
  readonly mayComeFrom: (req: IncomingMessage) => boolean;
  readonly identity: IdentityHeaders;
  readonly conversation: Conversation;
  readonly logger: Logger;
}

/** The way in to one MCP server: who may call what is decided here, before the backend hears of it. */
export class Gate {
  readonly #settings: ServerSettings;
  readonly #around: GateSurroundings;
  readonly #verify: Verify;
  readonly #authorization: Authorization;
  readonly #isListed: (caller: Caller) => boolean;

  constructor(settings: ServerSettings, around: GateSurroundings) {
    this.#settings = settings;
    this.#around = around;
    this.#verify = around.tokens.verifier(settings.resource, settings.scopes);
    this.#authorization = createAuthorization(settings);
    this.#isListed = createAllowlist(settings.allowlist);
  }

  async serve(req: IncomingMessage, res: ServerResponse, annotations: Annotations): Promise<void> {
    annotations.server = this.#settings.name;
    try {
      await this.#admit(req, res, annotations);
    } catch (error) {
      this.#refuse(error, req, res, annotations);
    }
  }

  async #admit(req: IncomingMessage, res: ServerResponse, annotations: Annotations): Promise<void> {
    const { mayComeFrom, limits, tokens, identity, conversation } = this.#around;
    if (!mayComeFrom(req)) return answerJson(res, 403, { error: 'forbidden', error_description: 'The Host or Origin header names another host' });
    allowOrigin(req, res);
    if (req.method === 'OPTIONS') return answerPreflight(req, res);
    const wait = limits.takeAddress(addressOf(req));
    if (wait > 0) throw new RefusedError({ kind: 'too-many-requests', retryAfterSeconds: wait, reason: 'address' });

    const verdict = this.#verify(tokens.required ? readToken(req) : '');
    const caller = verdict instanceof Promise ? await verdict : verdict;
    // What comes after has no use for the token, and what it does not have it cannot log or pass on.
    req.headers.authorization = undefined;
    annotations.subject = caller.subject;
    annotations.username = caller.username;
    annotations.client = caller.clientId;
    if (!this.#isListed(caller)) throw new RefusedError({ kind: 'not-allowed', who: caller.username ?? caller.subject });
    // The client hung up meanwhile: what is counted now would never be taken back.
    if (res.destroyed) return;
    this.#count(res, caller.subject);

    const failed = (reason: string) => void (annotations.backend = reason);
    const who = identity(caller);
    const exchange = { req, res, caller, identity: who instanceof Promise ? await who : who, failed };
    switch (req.method) {
      case 'POST': {
        const text = await this.#read(req, res, caller.subject);
        const { messages, batch } = parseMessages(text);
        annotations.mcpMethod = loggable(messages[0]!.method);
        const targets = messages.map(targetsOf);
        describe(messages, targets, annotations);
        // A batch is as many calls as it holds, and a large one as many as its size could hold.
        limits.chargeUser(caller.subject, Math.max(messages.length - 1, Math.floor(text.length / LARGE)));
        this.#authorize(caller, this.#authorization.needed(targets.flat()));
        const eras = messages.map((message) => eraOf(req.headers, message));
        if (batch && (eras.includes('modern') || !batchVersions.includes(req.headers['mcp-protocol-version'] as string | undefined)))
          throw new MessageError(400, -32600, 'Batches are part of version 2025-03-26 only');
        return conversation.post(exchange, messages, batch, eras[0]!);
      }
      case 'GET':
        this.#authorize(caller, this.#authorization.needed([]));
        return conversation.get(exchange);
      case 'DELETE':
        this.#authorize(caller, this.#authorization.needed([]));
        return conversation.delete(exchange);
      default:
        res.writeHead(405, { Allow: 'POST, GET, DELETE, OPTIONS' }).end();
    }
  }

  /** Limits of one user, so that nobody is starved by another. */
  #count(res: ServerResponse, subject: string): void {
    const { limits } = this.#around;
    const wait = limits.takeUser(subject);
    if (wait > 0) throw new RefusedError({ kind: 'too-many-requests', retryAfterSeconds: wait, reason: 'user' });
    if (!limits.enter(subject)) throw new RefusedError({ kind: 'too-many-requests', retryAfterSeconds: 1, reason: 'concurrent calls and streams' });
    atEnd(res, () => limits.leave(subject));
  }

  /** Reads a body within the room that its user has: bodies that never end, and calls that wait, hold memory. */
  async #read(req: IncomingMessage, res: ServerResponse, subject: string): Promise<string> {
    const { limits, bodyBytes } = this.#around;
    const announced = Number(req.headers['content-length'] ?? bodyBytes);
    if (announced <= bodyBytes) {
      if (!limits.hold(subject, announced)) throw new RefusedError({ kind: 'too-many-requests', retryAfterSeconds: 1, reason: 'bodies in memory' });
      atEnd(res, () => limits.release(subject, announced));
    }
    return readBody(req, bodyBytes);
  }

  #authorize(caller: Caller, needed: string[]): void {
    if (!this.#authorization.covers(caller.scopes, needed)) throw new RefusedError({ kind: 'insufficient-scope', scopes: needed });
  }

  #refuse(error: unknown, req: IncomingMessage, res: ServerResponse, annotations: Annotations): void {
    if (res.headersSent || res.destroyed) return void res.destroy();
    // What is left of a large body is not read, so that the connection is of no more use.
    if (!req.complete && !(Number(req.headers['content-length']) <= SMALL_BYTES)) res.setHeader('Connection', 'close');
    if (error instanceof RefusedError) {
      const { refusal } = error;
      annotations.refused = refusal.kind;
      if ('reason' in refusal) annotations.reason = refusal.reason;
      const { status, headers, body } = challengeFor(refusal, this.#settings);
      return answerJson(res, status, body, { 'Cache-Control': 'no-store', ...headers });
    }
    if (error instanceof MessageError) {
      if (error.status >= 400 && error.status < 500) Object.assign(annotations, { refused: 'malformed', reason: String(error.code) });
      return answerText(res, error.status, errorBody(error.code, error.message, error.id, error.data), error.status === 503 ? { 'Retry-After': '5' } : {});
    }
    this.#around.logger.error(describeError(error), 'a request failed');
    answerText(res, 500, errorBody(-32603, 'Internal error'));
  }
}

const SMALL_BYTES = 64 * 1024;
/** Characters that cost about as much as a call. */
const LARGE = 64 * 1024;
const batchVersions: readonly (string | undefined)[] = [undefined, '2025-03-26'];

/** Who sent a request. Only a front can reach this server: what it wrote stands last, what clients wrote before it. */
function addressOf(req: IncomingMessage): string {
  const forwarded = req.headers['x-forwarded-for'];
  return typeof forwarded === 'string' ? forwarded.slice(forwarded.lastIndexOf(',') + 1).trim() : (req.socket.remoteAddress ?? '');
}

function describe(messages: readonly Message[], targets: readonly Target[][], annotations: Annotations): void {
  annotations.target = loggable(targets[0]![0]?.name);
  // Else a call could hide behind another.
  if (messages.length > 1) annotations.batch = messages.map(({ method }, index) => `${loggable(method)} ${loggable(targets[index]![0]?.name) ?? ''}`.trim());
}

function answerJson(res: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  answerText(res, status, JSON.stringify(body), headers);
}

function answerText(res: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text), ...headers }).end(text);
}
