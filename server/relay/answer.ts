import type { ServerResponse } from 'node:http';
import { errorBody, type Id } from '../json-rpc.ts';

/** Idle time in milliseconds after which a stream gets a comment. Fronts and edges cut streams that are silent for 100 s. */
export const KEEP_ALIVE_MILLISECONDS = 15_000;
/** How long a client may leave what was sent to it unread, in milliseconds. */
const STUCK_MILLISECONDS = 60_000;
const KEEP_ALIVE = ': keep-alive\n\n';
const NEW_LINE = 0x0a;
const RETURN = 0x0d;

const eventStream = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache, no-transform', 'X-Accel-Buffering': 'no' };

/** How an answer is to be given. */
export interface AnswerOptions {
  /** The request that it answers; none where it is no request. */
  readonly id: Id | undefined;
  /** The client takes an event stream. */
  readonly acceptsEvents: boolean;
}

/**
 * The answer to a client: JSON, or an event stream that is kept alive. While a backend takes its time the answer becomes a
 * stream by itself, so that nobody on the way takes the silence for the end.
 */
export class Answer {
  readonly res: ServerResponse;
  readonly #options: AnswerOptions;
  #mode: 'waiting' | 'plain' | 'events' | 'wrapped' = 'waiting';
  /** Of the whole answer in bytes, where it is known. */
  #length = NaN;
  #lastByte = Date.now();
  /** The last bytes of the stream. Where an event ends may be split between chunks. */
  #tail = '';

  constructor(res: ServerResponse, options: AnswerOptions) {
    this.res = res;
    this.#options = options;
  }

  /** Whether it is one to a request, which MCP answers with JSON or events and nothing else. */
  get answersRequest(): boolean {
    return this.#options.id !== undefined;
  }

  /** Starts the answer with what the backend said of it. */
  begin(status: number, contentType: string | undefined, headers: Record<string, string> = {}): void {
    const events = contentType?.toLowerCase().startsWith('text/event-stream') ?? false;
    if (this.#mode === 'events') {
      // The stream was begun without the backend: its JSON becomes an event of it.
      if (!events) this.#wrap();
      return;
    }
    this.#mode = events ? 'events' : 'plain';
    // What keeps a stream alive is not in a length that the backend has counted: the rest would be the start of the next answer
    // on a front's connection, for another user to read (response splitting).
    const { 'Content-Length': length, ...others } = headers;
    if (!events) this.#length = Number(length);
    this.res.writeHead(status, events ? { ...others, ...eventStream } : contentType === undefined ? headers : { ...headers, 'Content-Type': contentType });
    if (events) this.res.flushHeaders();
  }

  /** @returns false when the client cannot keep up; then `drained` tells when it can. */
  write(chunk: Buffer): boolean {
    if (chunk.length === 0 || this.res.writableEnded) return true;
    this.#lastByte = Date.now();
    if (this.#mode === 'wrapped') return this.res.write(oneLine(chunk));
    if (this.#mode === 'events') this.#tail = (this.#tail + chunk.toString('latin1', Math.max(0, chunk.length - 3))).slice(-3);
    if (chunk.length === this.#length) {
      // All of it at once: as a string it leaves in one write with the headers. Latin-1 keeps the bytes as they are.
      this.res.end(chunk.toString('latin1'), 'latin1');
      return true;
    }
    return this.res.write(chunk);
  }

  end(): void {
    if (this.res.writableEnded) return;
    if (this.#mode === 'wrapped') this.res.write('\n\n');
    this.res.end();
  }

  /** Ends a stream of events that is not in the middle of one. */
  endBetweenEvents(): void {
    if (this.#mode === 'events' && this.#isBetweenEvents()) this.end();
  }

  /** Ends with a JSON-RPC error of the gateway's own, in whatever form the answer has by now. */
  fail(status: number, code: number, message: string, { retryAfter, data }: { retryAfter?: number | undefined; data?: unknown } = {}): void {
    if (this.res.writableEnded) return;
    const body = errorBody(code, message, this.#options.id, data);
    if (this.#mode === 'waiting') {
      this.res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), ...(retryAfter !== undefined && { 'Retry-After': String(retryAfter) }) }).end(body);
    } else if (this.#mode === 'events' && this.#isBetweenEvents() && this.answersRequest) {
      this.res.end(`event: message\ndata: ${body}\n\n`);
    } else {
      // Half an answer is out: only a broken connection says that the rest is missing.
      this.res.destroy();
    }
  }

  /** To be called every few seconds: keeps what is silent from being cut. */
  keepAlive(now: number): void {
    const silence = now - this.#lastByte;
    if (silence < KEEP_ALIVE_MILLISECONDS) return;
    // What has ended may still wait for a client that reads slowly.
    if (this.res.writableEnded || this.res.writableNeedDrain) {
      // Whoever reads nothing for so long holds memory and a backend for nothing.
      if (silence > STUCK_MILLISECONDS) this.res.destroy();
      return;
    }
    if (this.#mode === 'waiting' && this.#options.acceptsEvents && this.answersRequest) {
      this.#mode = 'events';
      this.res.writeHead(200, eventStream);
    } else if (this.#mode !== 'events' || !this.#isBetweenEvents()) return;
    this.#lastByte = now;
    this.res.write(KEEP_ALIVE);
  }

  #isBetweenEvents(): boolean {
    return this.#tail === '' || /\n\r?\n$/.test(this.#tail);
  }

  #wrap(): void {
    this.#mode = 'wrapped';
    this.res.write('event: message\ndata: ');
  }
}

/** JSON that is spread over lines is one event all the same: between tokens a space does for a line's end. */
function oneLine(chunk: Buffer): Buffer {
  if (!chunk.includes(NEW_LINE) && !chunk.includes(RETURN)) return chunk;
  return chunk.map((byte) => (byte === NEW_LINE || byte === RETURN ? 0x20 : byte)) as Buffer;
}
