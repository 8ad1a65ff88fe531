import Cloudflare, { APIConnectionError, APIConnectionTimeoutError, APIError } from 'cloudflare';

/** How long one call may take, in milliseconds: whoever waits for `pulumi up` hears of a dead connection soon. */
const TIMEOUT = 10_000;

/** Where the API is, and who calls. */
export interface Access {
  readonly token: string;
  /** Another address of the API; without one the SDK takes `CLOUDFLARE_BASE_URL`, or Cloudflare's own. */
  readonly baseUrl?: string;
}

/**
 * Cloudflare's own client. It repeats no call: one that creates would be refused the second time, or be done twice, if just its answer was
 * lost. Programs are repeated as a whole instead (`program.ts`), and look first at what is there.
 */
export function connect({ token, baseUrl }: Access): Cloudflare {
  // What a header cannot carry would come back in an error with the header in it.
  if (!/^[\x21-\x7e]+$/.test(token)) throw new CloudflareError('The token for Cloudflare’s API is empty, or has spaces or line ends in it: set it again, as Cloudflare showed it.');
  return new Cloudflare({
    apiToken: token,
    ...(baseUrl !== undefined && { baseURL: baseUrl }),
    // What else the environment may hold for other programs is somebody else's.
    apiKey: null,
    apiEmail: null,
    userServiceKey: null,
    maxRetries: 0,
    timeout: TIMEOUT,
    fetch: guarded,
    logLevel: 'off',
  });
}

/** The SDK's own time-out ends with the headers of an answer; and it takes a page of whoever stands in between for an answer that says nothing. */
async function guarded(url: string | URL | Request, init?: RequestInit): Promise<Response> {
  const signals = [AbortSignal.timeout(TIMEOUT), ...(init?.signal ? [init.signal] : [])];
  const answer = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.any(signals) });
  if (answer.ok && answer.status !== 204 && !/\bjson\b/.test(answer.headers.get('content-type') ?? '')) throw new TypeError('the answer is no JSON');
  return answer;
}

/** Something that Cloudflare refused, or did not answer, in plain words. */
export class CloudflareError extends Error {
  /** HTTP status of the answer; none if there was no answer. */
  readonly status: number | undefined;
  /** Cloudflare's codes. */
  readonly codes: readonly number[];
  /** Whether the same may go well in a moment. Who has waited for a time-out has waited long enough. */
  readonly passing: boolean;

  constructor(message: string, { status, codes = [], passing = false }: { status?: number; codes?: readonly number[]; passing?: boolean } = {}) {
    super(message);
    this.status = status;
    this.codes = codes;
    this.passing = passing;
  }

  /** Whether the token may not do this. */
  get denied(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

/**
 * Waits for a call to the API.
 * @param what it does, as it is to stand in an error: "reading the DNS records of example.org"
 * @throws CloudflareError
 */
export async function asked<T>(what: string, call: PromiseLike<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof CloudflareError) throw error;
    if (error instanceof APIError) throw inWords(what, error);
    // Cut off within, or not what it says that it is.
    throw new CloudflareError(`${what}: Cloudflare’s API answered, and the answer could not be read (${(error as Error).message}).`, { passing: true });
  }
}

/** All items of all pages of a list. */
export async function listed<Item>(what: string, pages: AsyncIterable<Item>): Promise<Item[]> {
  const all = async () => {
    const items: Item[] = [];
    for await (const item of pages) items.push(item);
    return items;
  };
  return asked(what, all());
}

function inWords(what: string, error: APIError): CloudflareError {
  if (error instanceof APIConnectionTimeoutError) return new CloudflareError(`${what}: Cloudflare’s API did not answer within ${TIMEOUT / 1000} seconds.`);
  if (error instanceof APIConnectionError) return new CloudflareError(`${what}: the connection to Cloudflare’s API failed${causeOf(error)}.`, { passing: true });
  const { status = 0 } = error;
  // Rulesets refuse without codes (cloudflare-docs#22808).
  const errors: readonly { code?: number; message?: string }[] = Array.isArray(error.errors) ? error.errors : [];
  const said = errors.map(({ code, message }) => `${message ?? 'no reason given'}${code === undefined ? '' : ` (code ${code})`}`).join('; ');
  const codes = errors.flatMap(({ code }) => code ?? []);
  const wait = status === 429 ? ` Too many calls for the moment${waitOf(error)}.` : '';
  return new CloudflareError(`${what}: Cloudflare answered ${status}${said && `: ${said}`}.${wait}`, { status, codes, passing: status >= 500 });
}

/** Such as ECONNREFUSED; fetch hides it some levels down. */
function causeOf(error: Error): string {
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) if ('code' in cause) return ` (${String(cause.code)})`;
  return '';
}

/** Cloudflare API, "Rate limits": up to five minutes. That is for people to wait, not for a program. */
function waitOf({ headers }: APIError): string {
  const seconds = headers?.get('retry-after');
  return seconds ? `: try again in ${seconds} seconds` : '';
}
