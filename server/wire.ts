import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Id } from './json-rpc.ts';
import type { Session } from './sessions/session.ts';

export const jsonHeaders = { accept: 'application/json, text/event-stream', 'content-type': 'application/json', 'accept-encoding': 'identity' };

// What a client takes. */* is both types (RFC 9110 §12.5.1), which servers on the SDK look for by name.
export function acceptedTypes({ headers: { accept } }: IncomingMessage): string {
  return accept === undefined || accept.includes('*/*') ? jsonHeaders.accept : accept;
}

export function sessionHeaders({ backendId, protocolVersion }: Session): Record<string, string> {
  return { 'mcp-protocol-version': protocolVersion, ...(backendId !== undefined && { 'mcp-session-id': backendId }) };
}

/** Headers that mirror parameters of a tool: whoever does not know one must pass it on (Streamable HTTP, custom headers). */
export function parameterHeaders({ headers }: IncomingMessage): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name in headers) if (name.startsWith('mcp-param-')) found[name] = String(headers[name]);
  return found;
}

export function answerJson(res: ServerResponse, id: Id, result: object, headers: Record<string, string> = {}): void {
  const body = JSON.stringify({ jsonrpc: '2.0', id, result });
  res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), ...headers }).end(body);
}

export function notAllowed(res: ServerResponse): void {
  res.writeHead(405, { Allow: 'POST, OPTIONS' }).end();
}

export function accept(res: ServerResponse): void {
  res.writeHead(202, { 'Content-Length': 0 }).end();
}
