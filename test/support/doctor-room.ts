import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { decodeJwt, type JWTPayload, UnsecuredJWT } from 'jose';
import { z } from 'zod';

/** Takes a request in place of the room. @returns false where it leaves it to the room after all */
export type Break = (request: IncomingMessage, response: ServerResponse, body: string) => boolean | void;

export const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void =>
  void response.writeHead(status, { 'content-type': 'application/json', 'access-control-allow-origin': '*', ...headers }).end(JSON.stringify(body));

/** An MCP server (the SDK's) and its authorization server on one port: everything is right, until a test breaks it. */
export class DoctorRoom {
  /** Tried in turn before the room answers itself. */
  readonly breaks: Break[] = [];
  /** What arrived. */
  readonly requests: { method: string; path: string; agent: string; body: string }[] = [];
  /** Client id → metadata that it registered. */
  readonly registered = new Map<string, { redirect_uris: string[] }>();
  /** In place of what is right; `undefined` leaves a field out. */
  resourceDocument: Record<string, unknown> = {};
  serverDocument: Record<string, unknown> = {};
  /** Fields of the challenge, in place of the metadata's URL. */
  challenge?: string;
  origin = '';
  readonly #server: Server;
  readonly #mcp = toNodeHandler(createMcpHandler(toolServer, { legacy: 'stateless', keepAliveMs: 500 }));

  private constructor(tls?: { key: string; cert: string }) {
    this.#server = tls ? createTlsServer(tls, this.serve) : createServer(this.serve);
  }

  /** @param origin its public one, where a network leads there; by default it is found on loopback. */
  static async open({ tls, origin }: { tls?: { key: string; cert: string }; origin?: string } = {}): Promise<DoctorRoom> {
    const room = new DoctorRoom(tls);
    await once(room.#server.listen(0, '127.0.0.1'), 'listening');
    room.origin = origin ?? `http${tls ? 's' : ''}://127.0.0.1:${room.port}`;
    return room;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.origin}/mcp`;
  }

  get issuer(): string {
    return `${this.origin}/auth/realms/main`;
  }

  /** Answers a path otherwise. */
  answer(path: string, take: Break): void {
    this.breaks.push((request, response, body) => (request.url!.split('?')[0] === path ? take(request, response, body) : false));
  }

  token(claims: JWTPayload = {}): string {
    return new UnsecuredJWT({ iss: this.issuer, aud: this.url, sub: 'alice', exp: Math.floor(Date.now() / 1000) + 300, ...claims }).encode();
  }

  /** For a server of someone else's in front. */
  readonly serve: RequestListener = (request, response) => void this.#handle(request, response).catch(() => response.destroy());

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const path = request.url!.split('?')[0]!;
    this.requests.push({ method: request.method!, path, agent: request.headers['user-agent'] ?? '', body });
    for (const take of this.breaks) if (take(request, response, body) !== false) return;
    if (request.method === 'OPTIONS') return void response.writeHead(204, { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' }).end();
    if (path === '/mcp' || path === '/mcp/') return this.#serveMcp(request, response, body);
    if (path === '/.well-known/oauth-protected-resource/mcp' || path === '/.well-known/oauth-protected-resource') return json(response, 200, { resource: this.url, authorization_servers: [this.issuer], scopes_supported: ['mcp:read'], ...this.resourceDocument });
    if (path === '/.well-known/oauth-authorization-server/auth/realms/main') return json(response, 200, this.#described());
    if (path === '/auth/register') return this.#register(response, body);
    if (path.startsWith('/auth/register/')) return void response.writeHead(this.registered.delete(path.split('/').at(-1)!) ? 204 : 404).end();
    if (path === '/auth/authorize') return this.#authorize(request, response);
    if (path === '/auth/token') return json(response, 200, { access_token: this.token(), token_type: 'Bearer', expires_in: 300, refresh_token: randomUUID() });
    json(response, 404, { error: 'not_found' });
  }

  async #serveMcp(request: IncomingMessage, response: ServerResponse, body: string): Promise<void> {
    if (this.challenge !== 'none') {
      const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
      const claims = token === undefined ? undefined : decodeJwt(token);
      const fields = this.challenge ?? `Bearer resource_metadata="${this.origin}/.well-known/oauth-protected-resource/mcp", scope="mcp:read"`;
      if (claims?.aud !== this.url || claims.iss !== this.issuer) return json(response, 401, { error: 'invalid_token' }, fields ? { 'www-authenticate': token ? `${fields}, error="invalid_token", error_description="The token is not for this server"` : fields } : {});
    }
    await this.#mcp(request, response, body === '' ? undefined : JSON.parse(body));
  }

  #described(): object {
    const of = (path: string) => `${this.origin}/auth/${path}`;
    return {
      issuer: this.issuer,
      authorization_endpoint: of('authorize'),
      token_endpoint: of('token'),
      registration_endpoint: of('register'),
      scopes_supported: ['openid', 'mcp:read', 'offline_access'],
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'refresh_token'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['none', 'client_secret_post'],
      ...this.serverDocument,
    };
  }

  /** RFC 7591, with the way to delete it again (RFC 7592). */
  #register(response: ServerResponse, body: string): void {
    const metadata = JSON.parse(body) as { redirect_uris: string[] };
    const client_id = randomUUID();
    this.registered.set(client_id, metadata);
    json(response, 201, { ...metadata, client_id, registration_access_token: 'planted-registration-token', registration_client_uri: `${this.origin}/auth/register/${client_id}` });
  }

  /** Lets everyone in who comes with a redirect URI of the client: by a redirect at once, where a person asks for it. */
  #authorize(request: IncomingMessage, response: ServerResponse): void {
    const query = new URL(request.url!, this.origin).searchParams;
    const redirectUri = query.get('redirect_uri')!;
    const known = this.registered.get(query.get('client_id')!)?.redirect_uris ?? (query.get('client_id') === 'known' || query.get('client_id')!.startsWith('https://') ? [redirectUri] : []);
    if (!known.includes(redirectUri)) return void response.writeHead(400, { 'content-type': 'text/html' }).end('<h1>Invalid parameter: redirect_uri</h1>');
    if (!('x-person' in request.headers)) return void response.writeHead(200, { 'content-type': 'text/html' }).end('<form>Sign in</form>');
    const back = new URL(redirectUri);
    back.search = new URLSearchParams({ code: 'planted-code', state: query.get('state')!, iss: this.issuer }).toString();
    response.writeHead(302, { location: back.href }).end();
  }
}

function toolServer(): McpServer {
  const server = new McpServer({ name: 'doctor room', version: '1.0.0' });
  server.registerTool('count', { description: 'Counts, and says how far it is.', inputSchema: z.object({ steps: z.number(), everyMilliseconds: z.number() }) }, async ({ steps, everyMilliseconds }, context) => {
    const progressToken = context.mcpReq._meta?.progressToken;
    for (let progress = 1; progress <= steps; progress += 1) {
      await sleep(everyMilliseconds);
      if (progressToken !== undefined) await context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: steps } });
    }
    return { content: [{ type: 'text', text: `${steps}` }] };
  });
  return server;
}
