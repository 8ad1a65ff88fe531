import type { IncomingHttpHeaders } from 'node:http';
import { isObject, MessageError, type Message } from './json-rpc.ts';
import { LEGACY, META, MODERN } from './versions.ts';

/** Which era of the protocol a client speaks in this request. */
export type Era = 'modern' | 'legacy';

/**
 * Tells the era of a request, and checks that the headers of 2026-07-28 say what the body says (Streamable HTTP, server
 * validation): whoever stands between and believes the headers must not be led astray.
 * @throws MessageError
 */
export function eraOf(headers: IncomingHttpHeaders, { kind, method, params, id }: Message): Era {
  const header = single(headers, 'mcp-protocol-version');
  const meta = isObject(params._meta) ? params._meta : {};
  const version = meta[META.version];
  if (method === 'initialize' && version === undefined) return 'legacy';
  if (version === undefined && (header === undefined || LEGACY.includes(header))) return 'legacy';
  if (version === undefined && header !== MODERN) throw unsupported(header, id);
  // The revision defines neither _meta nor headers for notifications.
  if (kind === 'notification' && version === undefined) {
    if (!/^[\x21-\x7e]+$/.test(method)) throw new MessageError(400, -32600, 'The method would not go into a header');
    return 'modern';
  }
  if (typeof version !== 'string') throw new MessageError(400, -32602, `_meta has no ${META.version}`, id);
  if (header !== version) throw mismatch('MCP-Protocol-Version', header, version, id);
  if (version !== MODERN) throw unsupported(version, id);
  if (!isObject(meta[META.capabilities])) throw new MessageError(400, -32602, `_meta has no ${META.capabilities}`, id);
  const sentMethod = single(headers, 'mcp-method');
  if (sentMethod !== method) throw mismatch('Mcp-Method', sentMethod, method, id);
  const name = nameOf(method, params);
  if (name !== undefined) {
    const sent = single(headers, 'mcp-name');
    if (decoded(sent) !== name) throw mismatch('Mcp-Name', sent, name, id);
  }
  return 'modern';
}

/** The headers of 2026-07-28 for a message, written from its body. */
export function modernHeaders({ method, params }: Message): Record<string, string> {
  const name = nameOf(method, params);
  return { 'mcp-protocol-version': MODERN, 'mcp-method': method, ...(name !== undefined && { 'mcp-name': encoded(name) }) };
}

function nameOf(method: string, params: Readonly<Record<string, unknown>>): string | undefined {
  if (method !== 'tools/call' && method !== 'prompts/get' && method !== 'resources/read') return undefined;
  const name = method === 'resources/read' ? params.uri : params.name;
  return typeof name === 'string' ? name : undefined;
}

function single(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

const sentinel = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/;

function decoded(value: string | undefined): string | undefined {
  const base64 = value === undefined ? undefined : sentinel.exec(value)?.[1];
  return base64 === undefined ? value : Buffer.from(base64, 'base64').toString();
}

function encoded(name: string): string {
  const safe = /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/.test(name) && !sentinel.test(name);
  return safe ? name : `=?base64?${Buffer.from(name).toString('base64')}?=`;
}

function mismatch(header: string, sent: string | undefined, body: string, id: Message['id']): MessageError {
  const what = sent === undefined ? 'is missing' : `${JSON.stringify(sent.slice(0, 200))} does not match ${JSON.stringify(body.slice(0, 200))} in the body`;
  return new MessageError(400, -32020, `Header mismatch: ${header} ${what}`, id);
}

function unsupported(version: string | undefined, id: Message['id']): MessageError {
  return new MessageError(400, -32022, 'Unsupported protocol version', id, { supported: [MODERN], requested: version });
}
