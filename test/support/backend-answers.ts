import type { IncomingHttpHeaders } from 'node:http';

/** `modern`: 2026-07-28 only. `stateless` and `stateful`: 2025-11-25 and before, without and with `Mcp-Session-Id`. */
export type Era = 'modern' | 'stateless' | 'stateful';

/** A JSON-RPC message, read loosely. */
export interface Message {
  id?: string | number;
  method?: string;
  params?: Record<string, unknown> & { name?: string; arguments?: unknown; inputResponses?: Record<string, unknown>; _meta?: Record<string, unknown> };
  result?: unknown;
  error?: { code: number; message: string; data?: unknown };
}

const SERVER_INFO = { name: 'recording-backend', version: '1.0.0' };
const CAPABILITIES = { tools: { listChanged: true }, resources: { subscribe: true }, prompts: {}, logging: {} };
const MODERN = '2026-07-28';
const LEGACY = ['2025-11-25', '2025-06-18', '2025-03-26'];

/** The usual answer of a backend. A tool says what it was called with, so that a crossed answer shows. */
export function usualAnswer(era: Era, { id, method, params }: Message): Message {
  const offered = params?.protocolVersion as string;
  const results: Record<string, object> = {
    initialize: { protocolVersion: LEGACY.includes(offered) ? offered : LEGACY[0], capabilities: CAPABILITIES, serverInfo: SERVER_INFO },
    ping: {},
    'server/discover': { supportedVersions: [MODERN], capabilities: CAPABILITIES, _meta: { 'io.modelcontextprotocol/serverInfo': SERVER_INFO }, ...uncached },
    'tools/list': { tools: ['echo', 'secret'].map((name) => ({ name, description: name, inputSchema: { type: 'object' } })), ...uncached },
    'tools/call': { content: [{ type: 'text', text: JSON.stringify({ tool: params?.name, arguments: params?.arguments }) }] },
    'resources/list': { resources: [{ uri: 'test://a', name: 'a' }], ...uncached },
    'resources/read': { contents: [{ uri: params?.uri, text: 'text' }], ...uncached },
    'prompts/list': { prompts: [{ name: 'hello' }], ...uncached },
    'prompts/get': { messages: [{ role: 'user', content: { type: 'text', text: String(params?.name) } }] },
    'logging/setLevel': {},
  };
  const unknown = era === 'modern' ? ['initialize', 'ping', 'logging/setLevel'] : ['server/discover'];
  const result = unknown.includes(method!) ? undefined : results[method!];
  return result ? { id, result: complete(era, result) } : { id, error: { code: -32601, message: 'Method not found' } };
}

// Required of these results since 2026-07-28; servers before it do no harm with them.
const uncached = { ttlMs: 0, cacheScope: 'private' };

export function complete(era: Era, result: object): object {
  return era === 'modern' ? { resultType: 'complete', ...result } : result;
}

/** What an era does not take: other methods of HTTP, other versions, other sessions. */
export function refusalOf(
  era: Era,
  { method, headers, message }: { method: string; headers: IncomingHttpHeaders; message: Message | undefined },
  sessions: ReadonlySet<string>,
): { status: number; error: NonNullable<Message['error']> } | undefined {
  const refuse = (status: number, code: number, reason: string, data?: object) => ({ status, error: { code, message: reason, data } });
  const version = headers['mcp-protocol-version'] as string | undefined;
  if (era === 'modern') {
    if (method !== 'POST') return refuse(405, -32000, 'Method not allowed');
    if (version !== undefined && version !== MODERN) return refuse(400, -32022, 'Unsupported protocol version', { supported: [MODERN], requested: version });
    if (version === undefined || message?.params?._meta?.['io.modelcontextprotocol/protocolVersion'] !== version)
      return refuse(400, -32020, `This server speaks ${MODERN}: MCP-Protocol-Version and _meta must say so`);
    return headers['mcp-method'] === message.method ? undefined : refuse(400, -32020, 'Mcp-Method is missing or another than in the body');
  }
  if (version !== undefined && !LEGACY.includes(version)) return refuse(400, -32000, `Bad Request: Unsupported protocol version: ${version}`);
  if (era === 'stateless') return method === 'POST' ? undefined : refuse(405, -32000, 'Method not allowed');
  if (message?.method === 'initialize') return undefined;
  const session = headers['mcp-session-id'] as string | undefined;
  if (session === undefined) return refuse(400, -32000, 'Bad Request: Mcp-Session-Id header is required');
  return sessions.has(session) ? undefined : refuse(404, -32001, 'Session not found');
}
