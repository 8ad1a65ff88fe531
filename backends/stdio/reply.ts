import type { ServerResponse } from 'node:http';
import type { Message } from './messages.ts';

/** Most that may wait for a client to read it, in bytes, before more is added. */
export const MAX_QUEUED_BYTES = 16 * 1024 * 1024;

/** Where the answer to a request goes, and what the server says before it. */
export interface Sink {
  /** Somebody still listens. */
  readonly open: boolean;
  send(message: Message): void;
  /** The answer; nothing follows. */
  end(message: Message): void;
  /** There will be no answer. */
  close(): void;
  /** Calls back when whoever listened has gone before the end. */
  onGone(callback: () => void): void;
}

/** An HTTP response: JSON where the answer comes first, an event stream where other messages do, or a GET asked for it. */
export class Reply implements Sink {
  readonly #res: ServerResponse;
  readonly #statusOf: (message: Message) => number;

  constructor(res: ServerResponse, statusOf: (message: Message) => number = () => 200) {
    this.#res = res;
    this.#statusOf = statusOf;
    res.on('error', () => {});
  }

  get open(): boolean {
    return !this.#res.writableEnded && !this.#res.destroyed;
  }

  /** Begins an event stream. */
  begin(): void {
    if (!this.open || this.#res.headersSent) return;
    // The last header keeps fronts from holding events back.
    this.#res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache, no-transform', 'X-Accel-Buffering': 'no' });
    this.#res.flushHeaders();
  }

  send(message: Message): void {
    if (!this.open) return;
    this.begin();
    // Whoever does not read what is meant for him would fill the memory of all.
    if (this.#res.writableLength > MAX_QUEUED_BYTES) this.#res.destroy();
    else this.#res.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
  }

  end(message: Message): void {
    if (!this.open) return;
    if (this.#res.headersSent) {
      this.send(message);
      this.#res.end();
    } else this.refuse(this.#statusOf(message), message);
  }

  close(): void {
    this.begin();
    this.#res.end();
  }

  refuse(status: number, message: Message, headers: Record<string, string> = {}): void {
    this.#res.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(message));
  }

  setHeader(name: string, value: string): void {
    this.#res.setHeader(name, value);
  }

  /** Ends without a body. */
  finish(status: number, headers: Record<string, string> = {}): void {
    this.#res.writeHead(status, headers).end();
  }

  onGone(callback: () => void): void {
    this.#res.once('close', () => {
      if (!this.#res.writableFinished) callback();
    });
  }
}

/** The answer to a question of the supervisor's own. */
export class Answer implements Sink {
  readonly open = false;
  readonly message: Promise<Message>;
  readonly #resolve: (message: Message) => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<Message>();
    this.message = promise;
    this.#resolve = resolve;
  }

  send(): void {}
  close(): void {}
  onGone(): void {}

  end(message: Message): void {
    this.#resolve(message);
  }
}
