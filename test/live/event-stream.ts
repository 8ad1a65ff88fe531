import { call, type Request } from './call.ts';

/** A request that is answered with a stream (2026-07-28), open for as long as client and server like. */
export class EventStream {
  readonly answer: Response;
  ended = false;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #hangUp: AbortController;
  #reading: Promise<string | undefined> | undefined;

  private constructor(answer: Response, hangUp: AbortController) {
    this.answer = answer;
    this.#hangUp = hangUp;
    if (this.isStream) this.#reader = answer.body!.getReader();
  }

  /** @param patience in milliseconds @returns undefined where not even the head of the answer comes: it is held back on the way */
  static async open(url: string, token: string | undefined, request: Request, patience: number): Promise<EventStream | undefined> {
    const hangUp = new AbortController();
    const late = setTimeout(() => hangUp.abort(new DOMException('It takes too long', 'TimeoutError')), patience);
    try {
      const stream = new EventStream(await call(url, token, request, { signal: hangUp.signal }), hangUp);
      // Anything else has to end in time.
      if (stream.isStream) clearTimeout(late);
      return stream;
    } catch (error) {
      if (hangUp.signal.aborted) return undefined;
      throw error;
    }
  }

  get isStream(): boolean {
    return this.answer.status === 200 && (this.answer.headers.get('content-type') ?? '').startsWith('text/event-stream');
  }

  /** What comes next, an event or a comment. @param patience in milliseconds @returns undefined where nothing came, or the stream was cut */
  async next(patience: number): Promise<string | undefined> {
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => resolve(undefined), patience);
    // What was waited for in vain is waited for by the next.
    this.#reading ??= this.#read();
    const said = await Promise.race([this.#reading, late]);
    clearTimeout(timer);
    if (said !== undefined) this.#reading = undefined;
    return said;
  }

  close(): void {
    this.#hangUp.abort();
  }

  async #read(): Promise<string | undefined> {
    const chunk = await this.#reader!.read().catch(() => undefined);
    this.ended = !chunk?.value;
    return chunk?.value && new TextDecoder().decode(chunk.value);
  }
}
