import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { atEnd } from '../end.ts';
import { isObject } from '../json-rpc.ts';
import type { Answer } from './answer.ts';
import { describeFailure } from './backend.ts';

/** Changes the bytes of an answer on their way. */
export interface Rewriter {
  write(chunk: Buffer): Buffer;
  end(): Buffer;
}

/** What is particular to one exchange. */
export interface RelayOptions {
  /** How the server is called in errors. */
  readonly server: string;
  /** Changes made to an answer of this content type. */
  readonly rewriter?: ((contentType: string) => Rewriter) | undefined;
  /** Errors with a status of their own become answers with 200: clients of before 2026-07-28 take the status for a broken transport. */
  readonly errorsAreAnswers: boolean;
  /** The backend does not know the session any more, and nothing has reached the client: called instead of answering. */
  readonly sessionLost?: (() => void) | undefined;
  /** For the log. */
  readonly failed: (reason: string) => void;
}

const MAX_HELD = 64 * 1024;
/** No code of JSON-RPC or MCP: a cancelled call gets no answer that anyone waits for. */
const CANCELLED = -32800;
const BROKEN = 'UND_ERR_ABORTED';

/** Passes a backend's answer on to the client as it comes: never whole in memory, and no faster than the client reads. */
export class Relay implements Dispatcher.DispatchHandler {
  readonly #answer: Answer;
  readonly #options: RelayOptions;
  #controller: Dispatcher.DispatchController | undefined;
  #rewriter: Rewriter | undefined;
  #mode: 'passing' | 'lost' | 'held' | 'over' = 'passing';
  #status = 0;
  /** A short error that is read before it is passed on. */
  #held = '';

  constructor(answer: Answer, options: RelayOptions) {
    this.#answer = answer;
    this.#options = options;
    atEnd(answer.res, () => this.#abandon());
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#answer.res.destroyed) this.#abandon();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // Informational (RFC 9110 §15.2): the answer is still to come.
    if (status < 200) return;
    const { sessionLost, errorsAreAnswers, rewriter } = this.#options;
    const contentType = headers['content-type'];
    this.#status = status;
    if (contentType !== undefined) this.#rewriter = rewriter?.(contentType);
    if (status === 404 && sessionLost !== undefined) {
      this.#mode = 'lost';
    } else if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') {
      this.#refuse('compressed its answer, though it was told not to');
    } else if (status === 401 || status === 403 || status === 407) {
      // Passed on, it would send the client to sign in again, where nothing is wrong.
      this.#refuse(`refuses the gateway (HTTP ${status})`);
    } else if (!this.#isAnswer(status, contentType)) {
      this.#refuse(`answered with HTTP ${status}${contentType === undefined ? '' : ` and no JSON`}`);
    } else if (isJson(contentType) && status >= 400 && (errorsAreAnswers || (status === 400 && sessionLost !== undefined))) {
      this.#mode = 'held';
    } else {
      this.#answer.begin(status, contentType, kept(headers, this.#rewriter !== undefined || status === 204));
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#mode === 'held') {
      this.#held += chunk.toString('latin1');
      if (this.#held.length > MAX_HELD) this.#refuse(`answered with HTTP ${this.#status} and at length`);
    }
    if (this.#mode !== 'passing') return;
    if (this.#answer.write(this.#rewriter ? this.#rewriter.write(chunk) : chunk)) return;
    controller.pause();
    this.#answer.res.once('drain', () => controller.resume());
  }

  onResponseEnd(): void {
    if (this.#mode === 'lost') return this.#options.sessionLost!();
    if (this.#mode === 'over') return;
    if (this.#mode === 'held' && !this.#release(Buffer.from(this.#held, 'latin1'))) return;
    if (this.#rewriter) this.#answer.write(this.#rewriter.end());
    this.#answer.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error & { code?: string }): void {
    if (error.code === BROKEN || this.#answer.res.destroyed || this.#mode === 'over') return;
    const { status, message, retryAfter } = describeFailure(error);
    this.#options.failed(error.code ?? error.name);
    this.#answer.fail(status, -32603, `The server ${this.#options.server} ${message}`, { retryAfter });
  }

  /** The client has said that it no longer wants the answer. */
  cancel(): void {
    if (this.#mode === 'over') return;
    this.#mode = 'over';
    this.#answer.fail(200, CANCELLED, 'The call was cancelled');
    this.#stop();
  }

  /** Whether it is one that MCP knows. A page of HTML, or a redirect, comes from something else than an MCP server. */
  #isAnswer(status: number, contentType: string | undefined): boolean {
    if (isJson(contentType) && (status < 300 || status >= 400)) return true;
    if (this.#answer.answersRequest) return status < 300 && isEvents(contentType);
    return status < 300 || status === 404 || status === 405;
  }

  /** @returns whether what was held has been written, so that the answer can end */
  #release(held: Buffer): boolean {
    const { errorsAreAnswers, sessionLost } = this.#options;
    // Servers in use answer an unknown session with 400 instead of 404.
    if (this.#status === 400 && sessionLost !== undefined && /session/i.test(this.#held)) {
      sessionLost();
      return false;
    }
    if (errorsAreAnswers) {
      const error = errorIn(held.toString());
      if (error === undefined) this.#refuse(`answered with HTTP ${this.#status}`);
      else this.#answer.fail(200, error.code, error.message, { data: error.data });
      return false;
    }
    this.#answer.begin(this.#status, 'application/json');
    this.#answer.write(this.#rewriter ? this.#rewriter.write(held) : held);
    return true;
  }

  #refuse(why: string): void {
    this.#mode = 'over';
    this.#options.failed(why);
    this.#answer.fail(502, -32603, `The server ${this.#options.server} ${why}`);
    this.#stop();
  }

  /** The client is gone, or has all it needs. Closing the connection also cancels the call at a backend of 2026-07-28. */
  #abandon(): void {
    if (!this.#answer.res.writableFinished) this.#stop();
  }

  #stop(): void {
    this.#controller?.abort(Object.assign(new Error('No longer wanted'), { code: BROKEN }));
  }
}

function isJson(contentType: string | undefined): boolean {
  return contentType?.toLowerCase().startsWith('application/json') ?? false;
}

function isEvents(contentType: string | undefined): boolean {
  return contentType?.toLowerCase().startsWith('text/event-stream') ?? false;
}

function errorIn(text: string): { code: number; message: string; data: unknown } | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    return isObject(error) && Number.isSafeInteger(error.code) ? { code: error.code as number, message: String(error.message), data: error.data } : undefined;
  } catch {
    return undefined;
  }
}

/** The headers of a backend that mean something to its client. */
function kept(headers: IncomingHttpHeaders, rewritten: boolean): Record<string, string> {
  const result: Record<string, string> = {};
  if (!rewritten && headers['content-length'] !== undefined) result['Content-Length'] = headers['content-length'];
  if (headers['retry-after'] !== undefined) result['Retry-After'] = headers['retry-after'];
  if (typeof headers.allow === 'string') result.Allow = headers.allow;
  return result;
}
