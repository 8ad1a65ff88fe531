import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { ClientCapabilities } from '@modelcontextprotocol/sdk/types.js';
import { createLog } from '../../backends/stdio/log.ts';
import { parseSettings, type Settings } from '../../backends/stdio/settings.ts';
import { supervise, type Supervisor } from '../../backends/stdio/supervisor.ts';
import { timings, type Timings } from '../../backends/stdio/timings.ts';

export const fixture = (name: string) => join(import.meta.dirname, 'stdio-fixtures', `${name}.mjs`);
export const MODERN = '2026-07-28';

interface Rpc {
  id?: unknown;
  method?: string;
  params?: Record<string, unknown>;
  result?: { content?: { text: string }[]; [key: string]: unknown };
  error?: { code: number; message: string; data?: Record<string, unknown> };
}

interface ModernOptions {
  id?: number | string;
  subject?: string;
  meta?: object;
  signal?: AbortSignal;
}

/** A supervisor in this process, with what it logged. */
export class Supervised {
  readonly log: string[] = [];
  /** GET streams that real clients have opened. */
  streams = 0;
  readonly directory = mkdtempSync(join(tmpdir(), 'drawbridge-stdio-'));
  #supervisor!: Supervisor;
  #clients: Client[] = [];

  /** Runs a fixture with arguments, or the command of `settings`. */
  static async start([name, ...args]: string[], settings: Partial<Settings> = {}, faster: Partial<Timings> = {}): Promise<Supervised> {
    const supervised = new Supervised();
    const log = createLog((text) => void supervised.log.push(text.trimEnd()));
    const { directory } = supervised;
    const command = { command: process.execPath, args: [fixture(name ?? ''), ...args] };
    const all = parseSettings(JSON.stringify({ ...command, directory, ...settings }));
    const environment = { ...process.env, DRAWBRIDGE_STDIO: 'secret' };
    supervised.#supervisor = await supervise(0, { settings: all, environment, timings: { ...timings, stopAtEnd: 300, ...faster }, log });
    return supervised;
  }

  get url(): URL {
    return new URL('/mcp', `http://127.0.0.1:${this.#supervisor.port}`);
  }

  /** A real client of the versions before 2026-07-28. */
  async client(subject = 'alice', capabilities: ClientCapabilities = {}): Promise<Client & { sessionId: string }> {
    const client = new Client({ name: 'a-client', version: '1' }, { capabilities });
    const transport = new StreamableHTTPClientTransport(this.url, {
      requestInit: { headers: { 'Drawbridge-Subject': encodeURIComponent(subject) } },
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        if (init?.method === 'GET' && response.ok) this.streams += 1;
        return response;
      },
    });
    await client.connect(transport as never);
    this.#clients.push(client);
    return Object.assign(client, { sessionId: transport.sessionId! });
  }

  /** One bare message. */
  post(message: object, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
    return fetch(this.url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', 'Drawbridge-Subject': 'alice', ...headers },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
      ...(signal && { signal }),
    });
  }

  /** A bare request of a 2026-07-28 client. */
  modern(method: string, params: Record<string, unknown> = {}, options: ModernOptions = {}): Promise<Response> {
    const { id = 1, subject = 'alice', meta = {}, signal } = options;
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': MODERN,
      'io.modelcontextprotocol/clientCapabilities': {},
      'io.modelcontextprotocol/clientInfo': { name: 'a-client', version: '1' },
      ...meta,
    };
    return this.post({ id, method, params: { ...params, _meta } }, { 'MCP-Protocol-Version': MODERN, 'Drawbridge-Subject': subject }, signal);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.#supervisor.stop();
    rmSync(this.directory, { recursive: true });
  }
}

export const initialize = (capabilities: object = {}) => ({
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities, clientInfo: { name: 'a-client', version: '1' } },
});

export const toolCall = (name: string, args: object = {}, id: number | string = 1, _meta?: object) => ({
  id,
  method: 'tools/call',
  params: { name, arguments: args, ...(_meta && { _meta }) },
});

/** All JSON-RPC messages of a response, whatever its type. */
export async function messagesOf(response: Response): Promise<Rpc[]> {
  const text = await response.text();
  if (!response.headers.get('Content-Type')?.startsWith('text/event-stream')) return [JSON.parse(text) as Rpc];
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data!) as Rpc);
}

/** The text of a tool's result. */
export function textOf(result: unknown): string {
  return (result as { content: { text: string }[] }).content[0]!.text;
}

/** Whether it runs. One that has ended stays in the table until its parent asks, which process 1 may take its time with. */
export const isAlive = (pid: number): boolean => {
  try {
    return !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};
