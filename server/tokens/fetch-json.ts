const TIMEOUT_MILLISECONDS = 5_000;
const MAX_BYTES = 256 * 1024;

/** No usable answer. The message names the URL and what went wrong, and nothing that was sent or received. */
export class NoAnswerError extends Error {
  /** The HTTP status, where there was an answer at all. */
  readonly status: number | undefined;

  constructor(message: string, options: ErrorOptions & { status?: number } = {}) {
    super(message, options);
    this.name = 'NoAnswerError';
    this.status = options.status;
  }
}

/**
 * Asks for a JSON object, in a bounded time and of a bounded size. A redirect is no answer: it would let whoever can make
 * one choose the keys, or the receiver of a secret.
 * @throws NoAnswerError
 */
export async function fetchJson(url: string, init: RequestInit = {}): Promise<Record<string, unknown>> {
  const response = await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS) }).catch((error: unknown) => failed(url, error));
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new NoAnswerError(`${url} answered ${response.status}`, { status: response.status });
  }
  const value = parse(await readBounded(url, response).catch((error: unknown) => failed(url, error)));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new NoAnswerError(`${url} answered no JSON object`);
  return value as Record<string, unknown>;
}

async function readBounded(url: string, response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Counted as decompressed, so that a small answer cannot grow without bounds here.
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new NoAnswerError(`${url} answered more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failed(url: string, cause: unknown): never {
  if (cause instanceof NoAnswerError) throw cause;
  const { name, cause: inner } = cause as Error;
  if (name === 'TimeoutError') throw new NoAnswerError(`${url} did not answer within ${TIMEOUT_MILLISECONDS / 1000} s`, { cause });
  const code = inner instanceof Error && 'code' in inner ? inner.code : name;
  throw new NoAnswerError(`${url} is out of reach (${String(code)})`, { cause });
}
