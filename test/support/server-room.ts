import { listen as listenBuiltin, type Listening as Builtin } from '../../backends/builtin/listen.ts';
import { shareLimits, type SharedLimits } from '../../server/limits.ts';
import { listen, type Listening } from '../../server/listen.ts';
import { createLogger } from '../../server/logger.ts';
import { Backend } from '../../server/relay/backend.ts';
import { SessionRegistry } from '../../server/sessions/registry.ts';
import { parseSettings, type ServerSettings, type Settings } from '../../server/settings.ts';
import { TokenIssuer } from './token-issuer.ts';

export const METADATA_URL = 'https://mcp.example.org/.well-known/oauth-protected-resource/mcp';

/** The settings of one server as `infra/` writes them for the host mcp.example.org. */
export function serverEntry(url: string, path = '/mcp', scopes = ['mcp:read', 'mcp:write']): ServerSettings {
  const metadataPath = `/.well-known/oauth-protected-resource${path}`;
  return {
    name: path.slice(1),
    path,
    resource: `https://mcp.example.org${path}`,
    metadataUrl: `https://mcp.example.org${metadataPath}`,
    metadataPaths: path === '/mcp' ? [metadataPath, '/.well-known/oauth-protected-resource'] : [metadataPath],
    scopes,
    tools: path === '/mcp' ? { note_write: 'mcp:write' } : {},
    resources: {},
    prompts: {},
    implies: {},
    backend: { url, identity: 'plain', headers: {} },
  };
}

/** Settings as `infra/` writes them, on ports that the system picks. */
export function serverSettings(jwksUrl = 'http://127.0.0.1:1/certs', backend = 'http://127.0.0.1:1/mcp'): Settings {
  return parseSettings(
    JSON.stringify({
      port: 0,
      healthPort: 0,
      allowedHosts: ['mcp.example.org', '127.0.0.1'],
      auth: { kind: 'jwks', issuer: 'https://mcp.example.org/auth/realms/main', jwksUrl },
      servers: [serverEntry(backend)],
    }),
  );
}

/** One worker of the gateway on loopback, before the built-in server, with an issuer that it trusts and everything it logs. */
export class ServerRoom {
  readonly issuer: TokenIssuer;
  readonly listening: Listening;
  readonly limits: SharedLimits;
  readonly #log: string[];
  readonly #builtin: Builtin;
  readonly #backends: Backend[];

  private constructor(issuer: TokenIssuer, log: string[], listening: Listening, limits: SharedLimits, builtin: Builtin, backends: Backend[]) {
    this.issuer = issuer;
    this.#log = log;
    this.listening = listening;
    this.limits = limits;
    this.#builtin = builtin;
    this.#backends = backends;
  }

  static async open(change: (settings: Settings) => void = () => {}): Promise<ServerRoom> {
    const issuer = await TokenIssuer.start();
    const builtin = await listenBuiltin(0);
    const log: string[] = [];
    const settings = serverSettings(issuer.jwksUrl, `http://127.0.0.1:${builtin.port}/mcp`);
    change(settings);
    const backends = new Map(settings.servers.map(({ name, backend }) => [name, new Backend(backend)]));
    const common = { sessions: new SessionRegistry(backends), limits: shareLimits('seed'), maskSecret: 'secret', worker: 0 };
    const lines = { write: (line: string) => void log.push(line) };
    const logger = createLogger(lines);
    logger.level = 'debug';
    return new ServerRoom(issuer, log, await listen(settings, common, { logger, lines }), common.limits, builtin, [...backends.values()]);
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

  /** Everything logged so far, a line each. */
  get log(): string[] {
    this.listening.gateway.journal.write();
    return this.#log;
  }

  /** The lines logged about requests, parsed. */
  lines(): Record<string, unknown>[] {
    return this.log.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ msg }) => msg === 'request');
  }

  async close(): Promise<void> {
    await this.listening.stop(200);
    await this.issuer.stop();
    await this.#builtin.stop();
    await Promise.all(this.#backends.map((backend) => backend.close()));
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
