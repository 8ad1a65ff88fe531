import { ReadableStream as Streams } from 'node:stream/web';
import { BODY_LIMIT } from '../../doctor/exchange.ts';
import { mcpRequest } from '../support/mcp-request.ts';
import { FindingError } from './finding.ts';
import { redacted } from './redacted.ts';
import { status } from './subject.ts';

/** In milliseconds, until all of an answer is there. Claude itself gives discovery ten seconds. */
const PATIENCE = 10_000;

/** Asks as a client does, and follows no redirect. @throws FindingError where nothing answers; so does the reading of an answer that is too much, or has no end */
export const ask = (url: string, init: RequestInit = {}): Promise<Response> => answered(url, fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(PATIENCE), ...init }));

/** Makes one MCP request. @throws FindingError as `ask` */
export const mcp = ({ url, ...request }: Parameters<typeof mcpRequest>[0] & { url: string }): Promise<Response> => answered(url, mcpRequest({ url, signal: AbortSignal.timeout(PATIENCE), ...request }));

async function answered(url: string, asking: Promise<Response>): Promise<Response> {
  const began = Date.now();
  try {
    const answer = await asking;
    return new Response(answer.body && (Streams.from(bounded(answer.body, url, began)) as ReadableStream), answer);
  } catch (error) {
    throw new FindingError({ expected: `an answer from ${url}`, found: `none: ${reasonOf(error as Error)}`, remedy: `See what runs: ${status}` });
  }
}

/** A body as far as anyone wants to hear it: who answers may be none of ours. */
async function* bounded(body: ReadableStream<Uint8Array>, url: string, began: number): AsyncGenerator<Uint8Array> {
  const broken = (found: string) => new FindingError({ expected: `an answer from ${url} to its end`, found, remedy: `See what answers there: ${status}` });
  let size = 0;
  try {
    for await (const piece of body) {
      size += piece.length;
      if (size > BODY_LIMIT) throw broken(`it sent more than ${BODY_LIMIT / 1024} kB`);
      yield piece;
    }
  } catch (error) {
    if (error instanceof FindingError) throw error;
    const late = (error as Error).name === 'TimeoutError';
    throw broken(late ? `it did not end within ${Math.round((Date.now() - began) / 1000)} seconds` : `it broke off: ${reasonOf(error as Error)}`);
  }
}

/** The words of what went wrong; fetch hides them some levels down. */
export function reasonOf(error: Error): string {
  if (error.name === 'TimeoutError') return `nothing within ${PATIENCE / 1000} seconds`;
  let cause: unknown = error;
  while (cause instanceof Error && cause.cause !== undefined) cause = cause.cause;
  if (cause instanceof AggregateError) return cause.errors.map((each: Error) => each.message).join(', ');
  return cause instanceof Error ? cause.message : String(cause);
}

/** An answer in words: its status, where it leads to, and the beginning of what it says. */
export async function inWords(answer: Response): Promise<string> {
  const location = answer.headers.get('location');
  const said = redacted(await answer.text()).replaceAll(/\s+/g, ' ').trim();
  return [answer.status, location && `to ${location}`, said && (said.length > 160 ? `${said.slice(0, 160)}…` : said)].filter(Boolean).join(' ');
}

/** The JSON of an answer. @throws FindingError where it is none */
export async function jsonOf(answer: Response, url: string, remedy: string): Promise<Record<string, unknown>> {
  const text = await answer.text();
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new FindingError({ expected: `JSON at ${url}`, found: redacted(text).slice(0, 160), remedy });
  }
}
