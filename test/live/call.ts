import { META, MODERN } from '../../server/versions.ts';
import { ask } from './ask.ts';

/** One request of MCP: its method, and its parameters without `_meta`. */
export interface Request {
  readonly method: string;
  /** Of a tool. */
  readonly name?: string;
  readonly [parameter: string]: unknown;
}

/** Makes one in the form of 2026-07-28, which needs no session: the gateway translates for servers of earlier versions. @throws FindingError where nothing answers */
export function call(url: string, token: string | undefined, { method, ...params }: Request, init: RequestInit = {}): Promise<Response> {
  const _meta = { [META.version]: MODERN, [META.client]: { name: 'drawbridge-verify', version: '1' }, [META.capabilities]: {}, progressToken: 'drawbridge-verify' };
  const mirrored = { 'mcp-protocol-version': MODERN, 'mcp-method': method, ...(params.name && { 'mcp-name': params.name }) };
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...mirrored, ...(token && { authorization: `Bearer ${token}` }) };
  return ask(url, { method: 'POST', headers, body: JSON.stringify({ jsonrpc: '2.0', id: 'drawbridge-verify', method, params: { ...params, _meta } }), ...init });
}
