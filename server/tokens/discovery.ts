import type { Logger } from '../logger.ts';
import { disagreements, type Disagreement, type Expected, type Metadata } from './disagreements.ts';
import { fetchJson, NoAnswerError } from './fetch-json.ts';
import { Reach } from './reach.ts';

const FIRST_RETRY_MILLISECONDS = 1_000;
const LAST_RETRY_MILLISECONDS = 60_000;

/** The authorization server cannot be used as it is configured. Lists everything that is wrong, each with its remedy. */
export class DiscoveryError extends Error {
  constructor(metadataUrl: string, found: readonly Disagreement[]) {
    super([`The authorization server does not fit the configuration, says ${metadataUrl}:`, ...found.map(({ text }) => `  ${text}`)].join('\n'));
    this.name = 'DiscoveryError';
  }
}

/** Where the authorization server has what is needed to check tokens, found by its metadata (RFC 8414, OpenID Connect Discovery). */
export class Discovery {
  readonly #metadataUrls: readonly string[];
  readonly #expected: Expected;
  readonly #logger: Logger;
  readonly #reach: Reach;
  #endpoint: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(metadataUrls: readonly string[], expected: Expected, logger: Logger) {
    this.#metadataUrls = metadataUrls;
    this.#expected = expected;
    this.#logger = logger;
    this.#reach = new Reach('the authorization server', logger);
  }

  /** Asks once. Where nobody answers, goes on asking in the background. @throws DiscoveryError */
  static async begin(metadataUrls: readonly string[], expected: Expected, logger: Logger): Promise<Discovery> {
    const discovery = new Discovery(metadataUrls, expected, logger);
    await discovery.#attempt().catch((error: unknown) => {
      if (!(error instanceof NoAnswerError)) throw error;
      discovery.#retry(error, FIRST_RETRY_MILLISECONDS);
    });
    return discovery;
  }

  /** @throws NoAnswerError as long as it is not known */
  readonly endpoint = (): string => {
    if (this.#endpoint === undefined) throw new NoAnswerError(this.#reach.problem!);
    return this.#endpoint;
  };

  problem(): string | undefined {
    return this.#reach.problem;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #attempt(): Promise<void> {
    const { url, metadata } = await this.#fetch();
    const found = disagreements(metadata, this.#expected);
    if (found.some(({ fatal }) => fatal)) throw new DiscoveryError(url, found);
    for (const { text } of found) this.#logger.warn({ metadata: url }, `the authorization server: ${text}`);
    this.#endpoint = metadata[this.#expected.endpoint] as string;
    this.#reach.answered();
  }

  /** The first document in the order of the URLs, as MCP clients look for it. Asked at once, so that three that hang cost the time of one. */
  async #fetch(): Promise<{ url: string; metadata: Metadata }> {
    const answers = await Promise.allSettled(this.#metadataUrls.map(async (url) => ({ url, metadata: await fetchJson(url) })));
    const first = answers.find((answer) => answer.status === 'fulfilled');
    if (first) return first.value;
    throw new NoAnswerError(answers.map((answer) => (answer.status === 'rejected' ? (answer.reason as Error).message : '')).join('; '));
  }

  /** Also after a disagreement that came up later: it may be corrected over there, and then nothing here needs a restart. */
  #retry(error: unknown, delay: number): void {
    this.#reach.failed((error as Error).message);
    if (this.#closed) return;
    const next = Math.min(delay * 2, LAST_RETRY_MILLISECONDS);
    this.#timer = setTimeout(() => void this.#attempt().catch((again: unknown) => this.#retry(again, next)), delay).unref();
  }
}
