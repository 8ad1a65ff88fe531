import type { IncomingMessage, ServerResponse } from 'node:http';
import { atEnd } from './end.ts';
import type { Lines, Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

/** What the audit log says of a request beyond its method, path and status. Never a token, a header, a query string or a body. */
export interface Annotations {
  server?: string;
  subject?: string;
  username?: string | undefined;
  client?: string;
  mcpMethod?: string | undefined;
  /** Tool, prompt or resource. */
  target?: string | undefined;
  /** Each method and its target, where a client sent several messages at once. */
  batch?: string[];
  /** Why it was refused, and details where it helps. */
  refused?: string;
  reason?: string | undefined;
  /** Why the backend gave no answer. */
  backend?: string;
}

/** A request that is over. */
interface Entry {
  /** In milliseconds since the epoch. */
  readonly time: number;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly milliseconds: number;
  readonly hungUp: true | undefined;
  readonly annotations: Annotations;
}

const BATCH = 100;
const WAIT_MILLISECONDS = 250;

/**
 * What has become of requests: a line of the audit log for each, and the metrics. Both are written for many requests at a
 * time, when the code for it is at hand: for each alone they cost several times as much.
 */
export class Journal {
  readonly #metrics: Metrics;
  readonly #logger: Logger;
  readonly #lines: Lines;
  #entries: Entry[] = [];
  readonly #timer = setInterval(() => this.write(), WAIT_MILLISECONDS).unref();

  /** @param lines where `logger` writes as well: the lines of the journal bring the time at which requests ended */
  constructor(logger: Logger, lines: Lines, metrics: Metrics) {
    this.#logger = logger;
    this.#lines = lines;
    this.#metrics = metrics;
  }

  /** Notes a request once it is answered, or once the client is gone. @returns what to say of it */
  follow(req: IncomingMessage, res: ServerResponse, path: string): Annotations {
    const annotations: Annotations = {};
    const started = performance.now();
    atEnd(res, () => {
      // Without an answer there is no status. 499 is what nginx writes for it.
      const status = res.headersSent ? res.statusCode : 499;
      const hungUp = res.writableFinished || annotations.backend !== undefined ? undefined : true;
      const entry = { time: Date.now(), method: req.method!, path, status, milliseconds: Math.round(performance.now() - started), hungUp, annotations } as const;
      if (this.#entries.push(entry) >= BATCH) this.write();
    });
    return annotations;
  }

  /** Writes what has been noted. */
  write(): void {
    const entries = this.#entries;
    this.#entries = [];
    for (const { time, method, path, status, milliseconds, hungUp, annotations } of entries) {
      const line = { level: 'info', time: new Date(time).toISOString(), method, path: path.slice(0, 200), status, milliseconds, hungUp, ...annotations, msg: 'request' };
      this.#lines.write(`${JSON.stringify(line)}\n`);
      // Clients hang up all the time: it is how they cancel. What the call did may have been done all the same.
      if (hungUp) this.#logger.debug({ method, path: path.slice(0, 200) }, 'the client hung up');
      this.#metrics.count(annotations, status, milliseconds);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.write();
  }
}
