import { listen, type Listening } from '../../server/listen.ts';
import { createLogger } from '../../server/logger.ts';
import type { Settings } from '../../server/settings.ts';
import { TokenIssuer } from './token-issuer.ts';

export const METADATA_URL = 'https://mcp.example.org/.well-known/oauth-protected-resource/mcp';

/** Settings as `infra/` writes them for the host mcp.example.org, on ports that the system picks. */
export function serverSettings(jwksUrl = 'http://127.0.0.1:1/certs'): Settings {
  return {
    port: 0,
    healthPort: 0,
    issuer: 'https://mcp.example.org/auth/realms/main',
    jwksUrl,
    allowedHosts: ['mcp.example.org', '127.0.0.1'],
    servers: [
      {
        name: 'mcp',
        path: '/mcp',
        resource: 'https://mcp.example.org/mcp',
        metadataUrl: METADATA_URL,
        metadataPaths: ['/.well-known/oauth-protected-resource/mcp', '/.well-known/oauth-protected-resource'],
        scopes: ['mcp:read', 'mcp:write'],
        tools: { note_write: 'mcp:write' },
      },
    ],
  };
}

/** The server on loopback, with an issuer that it trusts and everything it logs. */
export class ServerRoom {
  readonly issuer: TokenIssuer;
  readonly log: string[];
  readonly listening: Listening;

  private constructor(issuer: TokenIssuer, log: string[], listening: Listening) {
    this.issuer = issuer;
    this.log = log;
    this.listening = listening;
  }

  static async open(change: (settings: Settings) => void = () => {}): Promise<ServerRoom> {
    const issuer = await TokenIssuer.start();
    const log: string[] = [];
    const settings = serverSettings(issuer.jwksUrl);
    change(settings);
    const listening = await listen(settings, createLogger({ write: (line) => void log.push(line) }));
    return new ServerRoom(issuer, log, listening);
  }

  url(path = '/mcp'): URL {
    return new URL(path, `http://127.0.0.1:${this.listening.port}`);
  }

  /** Posts one JSON-RPC message, or whatever `init` says instead. */
  post(message: unknown, token?: string, init: RequestInit = {}, path = '/mcp'): Promise<Response> {
    const headers = new Headers({ 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' });
    if (token !== undefined) headers.set('Authorization', `Bearer ${token}`);
    new Headers(init.headers).forEach((value, name) => headers.set(name, value));
    return fetch(this.url(path), { method: 'POST', body: JSON.stringify(message), ...init, headers });
  }

  /** The logged lines, parsed. */
  lines(): Record<string, unknown>[] {
    return this.log.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  async close(): Promise<void> {
    await this.listening.stop(200);
    await this.issuer.stop();
  }
}

export const initialize = (protocolVersion = '2025-11-25', id: number | string = 1) => ({
  jsonrpc: '2.0',
  id,
  method: 'initialize',
  params: { protocolVersion, capabilities: {}, clientInfo: { name: 'a-client', version: '1' } },
});

export const callTool = (name: string, args: object = {}, id: number | string = 1) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
});

/** The JSON-RPC message in a response, which may be JSON or one event of a stream. */
export async function messageOf(response: Response): Promise<{ result?: Record<string, unknown>; error?: { code: number; message: string } }> {
  const text = await response.text();
  const data = /^data: (.*)$/m.exec(text)?.[1];
  return JSON.parse(data ?? text) as never;
}
