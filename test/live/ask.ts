import { mcpRequest } from '../support/mcp-request.ts';
import { FindingError } from './finding.ts';
import { redacted } from './redacted.ts';
import { status } from './subject.ts';

/** In milliseconds. Claude itself gives discovery ten seconds. */
const PATIENCE = 10_000;

/** Asks as a client does, and follows no redirect. @throws FindingError where nothing answers */
export const ask = (url: string, init: RequestInit = {}): Promise<Response> => answered(url, fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(PATIENCE), ...init }));

/** Makes one MCP request. @throws FindingError where nothing answers */
export const mcp = ({ url, ...request }: Parameters<typeof mcpRequest>[0] & { url: string }): Promise<Response> => answered(url, mcpRequest({ url, signal: AbortSignal.timeout(PATIENCE), ...request }));

async function answered(url: string, asking: Promise<Response>): Promise<Response> {
  try {
    return await asking;
  } catch (error) {
    throw new FindingError({ expected: `an answer from ${url}`, found: `none: ${reasonOf(error as Error)}`, remedy: `See what runs: ${status}` });
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
  const said = redacted(await answer.text().catch(() => '')).replaceAll(/\s+/g, ' ').trim();
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
