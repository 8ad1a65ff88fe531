import { resource } from './outputs.ts';

/** One bare MCP request, without an SDK between the test and the wire. */
export function mcpRequest(options: { token?: string; url?: string; headers?: Record<string, string>; tool?: string; arguments?: object; signal?: AbortSignal } = {}): Promise<Response> {
  return fetch(options.url ?? resource.url, {
    method: 'POST',
    redirect: 'manual',
    ...(options.signal && { signal: options.signal }),
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-06-18',
      ...(options.token ? { authorization: `Bearer ${options.token}` } : {}),
      ...options.headers,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: options.tool ? 'tools/call' : 'tools/list',
      params: options.tool ? { name: options.tool, arguments: options.arguments ?? {} } : {},
    }),
  });
}

/** The parameters of a `WWW-Authenticate: Bearer` challenge (RFC 6750 §3). */
export function challengeOf(response: Response): Record<string, string> {
  const header = response.headers.get('www-authenticate') ?? '';
  if (!/^Bearer /i.test(header)) return {};
  return Object.fromEntries([...header.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]));
}
