import { createParser } from 'eventsource-parser';
import type { Exchange } from './exchange.ts';

/** A JSON-RPC message, as a client sends it. */
export interface Message {
  readonly jsonrpc: '2.0';
  readonly id?: number;
  readonly method: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** A JSON-RPC message, as it comes back. */
export interface Reply {
  readonly id?: unknown;
  readonly method?: string;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: number; readonly message?: string };
}

export const request = (id: number, method: string, params: Readonly<Record<string, unknown>> = {}): Message => ({ jsonrpc: '2.0', id, method, params });
export const notification = (method: string): Message => ({ jsonrpc: '2.0', method });
export const initialize = (name: string, version: string): Message => request(1, 'initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name, version } });

const META = 'io.modelcontextprotocol/';

/** A request of 2026-07-28, which has no handshake: each says who asks. */
export const modern = (id: number, method: string, client: string, params: Readonly<Record<string, unknown>> = {}): Message =>
  request(id, method, { ...params, _meta: { [`${META}protocolVersion`]: '2026-07-28', [`${META}clientInfo`]: { name: client, version: '1.0.0' }, [`${META}clientCapabilities`]: {} } });

/** Whether it is one of those. A `_meta` alone is not: older requests have one for their progress. */
export const isModern = ({ params }: Message): boolean => `${META}protocolVersion` in ((params?._meta as object | undefined) ?? {});

/** What 2026-07-28 wants beside a message (transport, "standard headers"). */
export function modernHeaders({ method, params }: Message): Record<string, string> {
  const name = params?.name ?? params?.uri;
  return { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...(typeof name === 'string' && { 'mcp-name': inHeader(name) }) };
}

const inHeader = (value: string): string => (/^[!-~]([ -~]*[!-~])?$/.test(value) ? value : `=?base64?${Buffer.from(value).toString('base64')}?=`);

/** All messages of an answer, which may be JSON or a stream of events. */
export function repliesOf({ answer }: Exchange): Reply[] {
  return answer === undefined ? [] : parseReplies(answer.body, answer.headers['content-type'] ?? '');
}

/** The answer to a request, where it is there. */
export const replyTo = (id: number | undefined, exchange: Exchange): Reply | undefined => repliesOf(exchange).find((reply) => reply.id === id && reply.method === undefined);

export function parseReplies(body: string, contentType: string): Reply[] {
  const texts: string[] = [];
  if (contentType.includes('event-stream')) createParser({ onEvent: ({ data }) => void texts.push(data) }).feed(body);
  else texts.push(body);
  return texts.flatMap((text): Reply[] => {
    try {
      return [JSON.parse(text) as Reply & { jsonrpc?: string }].flat().filter((reply) => reply?.jsonrpc === '2.0');
    } catch {
      return [];
    }
  });
}
