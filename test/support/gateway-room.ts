import { request, type IncomingHttpHeaders } from 'node:http';
import type { JWTPayload } from 'jose';
import type { ServerSettings, Settings } from '../../server/settings.ts';
import type { Era } from './backend-answers.ts';
import { RecordingBackend } from './recording-backend.ts';
import { serverEntry, ServerRoom } from './server-room.ts';

export const MODERN = '2026-07-28';

/** What a request of 2026-07-28 carries about itself. */
export const modernMeta = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientInfo': { name: 'a-client', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

export interface Sent {
  /** Claims of the token, which by default is alice's with all scopes. */
  claims?: JWTPayload;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export interface Received {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** The gateway before one recording backend. */
export class GatewayRoom {
  readonly room: ServerRoom;
  readonly backend: RecordingBackend;

  private constructor(room: ServerRoom, backend: RecordingBackend) {
    this.room = room;
    this.backend = backend;
  }

  static async open(era: Era, { sse = false, change = () => {} }: { sse?: boolean; change?: (server: ServerSettings, settings: Settings) => void } = {}): Promise<GatewayRoom> {
    const backend = await new RecordingBackend(era, { sse }).start();
    const room = await ServerRoom.open((settings) => {
      const server = { ...serverEntry(backend.url), tools: {} };
      settings.servers = [server];
      change(server, settings);
    });
    return new GatewayRoom(room, backend);
  }

  token(claims: JWTPayload = {}): Promise<string> {
    return this.room.issuer.token({ scope: 'openid mcp:read mcp:write', ...claims });
  }

  /** Posts a JSON-RPC message, or text as it is. */
  async post(message: unknown, { claims, headers = {}, signal }: Sent = {}): Promise<Response> {
    const body = typeof message === 'string' ? { body: message } : {};
    return this.room.post(message, await this.token(claims), { ...body, headers, ...(signal && { signal }) });
  }

  /** Posts a request of 2026-07-28. */
  modern(method: string, params: Record<string, unknown> = {}, { headers, ...sent }: Sent = {}): Promise<Response> {
    const name = { 'tools/call': params.name, 'prompts/get': params.name, 'resources/read': params.uri }[method];
    const mirrored = { 'MCP-Protocol-Version': MODERN, 'Mcp-Method': method, ...(typeof name === 'string' && { 'Mcp-Name': name }) };
    const _meta = { ...modernMeta, ...(params._meta as object | undefined) };
    return this.post({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } }, { ...sent, headers: { ...mirrored, ...headers } });
  }

  /** One request with headers exactly as given, names and values in turn. */
  raw(method: string, headers: string[], body?: string): Promise<Received> {
    return new Promise((resolve, reject) => {
      const sent = request(this.room.url(), { method, headers: ['Host', this.room.url().host, ...headers] }, (res) => {
        let text = '';
        res.on('data', (chunk: Buffer) => (text += chunk.toString())).on('error', reject);
        res.on('end', () => resolve({ status: res.statusCode!, headers: res.headers, text }));
      });
      sent.on('error', reject).end(body);
    });
  }

  async close(): Promise<void> {
    await this.room.close();
    await this.backend.stop();
  }
}

/** The messages of a response so far: JSON, or the data of each event. */
export async function messagesOf(response: Response): Promise<Record<string, unknown>[]> {
  const text = await response.text();
  if (!response.headers.get('Content-Type')?.startsWith('text/event-stream')) return [JSON.parse(text) as Record<string, unknown>];
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data!) as Record<string, unknown>);
}
