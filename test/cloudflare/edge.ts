import { randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createSecureServer, type Http2SecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { blocksBot } from './edge-bots.ts';
import { type CacheSettings, EdgeCache, eligibility, lifetime } from './edge-cache.ts';
import { Connectors } from './edge-connectors.ts';
import { type EdgeError, edgeErrors, errorPage } from './edge-errors.ts';
import { compile, type Fields } from './edge-expression.ts';
import { forward, type Forwarding } from './edge-forward.ts';
import { towardsClient, towardsOrigin } from './edge-headers.ts';
import { normalized } from './edge-normalization.ts';
import type { EdgeRule, EdgeState, Phase } from './edge-state.ts';

export interface EdgeOptions {
  /** PEM of the zones' certificate with its chain, and of its key. */
  readonly certificate: string;
  readonly key: string;
  /** Ports: 0 for any. */
  readonly listen: { readonly address: string; readonly port: number; readonly connectorPort: number; readonly plainPort?: number };
  readonly state: EdgeState;
  /** After how long without a byte from the origin a request is given up, or a stream cut. Cloudflare: 100 s. */
  readonly idleMs?: number;
}

/**
 * A simulation of Cloudflare's edge, as clients and connectors meet it: TLS, rules, bot settings, cache, and the way to a tunnel's
 * connectors. It does what Cloudflare's docs and public threads say, and is not Cloudflare.
 */
export class EdgeSimulation {
  /** Where clients connect, and where connectors do. */
  readonly port: number;
  readonly connectorPort: number;
  readonly #state: EdgeState;
  readonly #idleMs: number;
  readonly #server: Http2SecureServer;
  readonly #plain: Server;
  readonly #connectors: Connectors;
  readonly #cache = new EdgeCache();
  readonly #sockets = new Set<Socket>();

  private constructor({ state, idleMs = 100_000 }: EdgeOptions, server: Http2SecureServer, plain: Server, connectors: Connectors, connectorPort: number) {
    this.#state = state;
    this.#idleMs = idleMs;
    this.#server = server;
    this.#plain = plain;
    this.#connectors = connectors;
    this.port = (server.address() as AddressInfo).port;
    this.connectorPort = connectorPort;
    for (const [each, scheme] of [[server, 'https'], [plain, 'http']] as const) {
      each.on('connection', (socket: Socket) => this.#sockets.add(socket.once('close', () => this.#sockets.delete(socket))));
      // With HTTP/1.1 these are those of node:http, which have what is used here.
      each.on('request', (request: Http2ServerRequest, response: Http2ServerResponse) => {
        try {
          this.#handle(request, response, scheme);
        } catch (error) {
          response.writeHead(500, { 'content-type': 'text/plain' }).end(`${(error as Error).message}\n`);
        }
      });
    }
  }

  static async start(options: EdgeOptions): Promise<EdgeSimulation> {
    const { certificate, key, listen, state } = options;
    const connectors = new Connectors(state);
    const connectorPort = await connectors.listen(listen.address, listen.connectorPort);
    const names = new X509Certificate(certificate);
    const context = createSecureContext({ cert: certificate, key });
    const server = createSecureServer({
      cert: certificate,
      key,
      allowHTTP1: true,
      // A name that no certificate covers gets no handshake.
      SNICallback: (name, done) => (names.checkHost(name) ? done(null, context) : done(new Error(`no certificate for ${name}`))),
    });
    for (const event of ['tlsClientError', 'sessionError', 'clientError']) server.on(event, () => {});
    server.listen(listen.port, listen.address);
    await once(server, 'listening');
    // Zones that are not set to "Always Use HTTPS", as no new one is, serve plain http too.
    const plain = createServer();
    if (listen.plainPort !== undefined) await once(plain.listen(listen.plainPort, listen.address), 'listening');
    return new EdgeSimulation(options, server, plain, connectors, connectorPort);
  }

  async stop(): Promise<void> {
    await this.#connectors.stop();
    this.#server.close();
    this.#plain.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #handle(request: Http2ServerRequest, response: Http2ServerResponse, scheme: 'http' | 'https'): void {
    const ray = `${randomBytes(8).toString('hex')}-SIM`;
    response.setHeader('server', 'cloudflare (simulation)');
    response.setHeader('cf-ray', ray);
    // RFC 9112 §3.2.2: a target that names a host is in the place of the header.
    const [, named, target] = /^https?:\/\/([^/?#]*)(.*)$/i.exec(request.url) ?? [];
    if (target !== undefined) request.url = target || '/';
    const authority = named ?? String(request.headers[':authority'] ?? request.headers.host ?? '');
    const host = authority.replace(/:\d+$/, '').toLowerCase();
    const refuse = (error: EdgeError) => response.writeHead(error.status, { 'content-type': 'text/html; charset=UTF-8', 'cache-control': 'no-store' }).end(errorPage(error, host, ray));

    const zone = this.#state.zones.find((name) => host === name || host.endsWith(`.${name}`));
    const tunnelId = zone === undefined ? undefined : this.#tunnelOf(zone, host);
    if (zone === undefined || tunnelId === undefined) return void refuse(edgeErrors.noRecord);
    const fields: Fields = {
      // As it came (Rules language, "http.host").
      'http.host': authority,
      'http.request.method': request.method,
      'http.request.uri.path': normalized(request.url.split('?')[0]!),
      'http.user_agent': request.headers['user-agent'] ?? '',
      'ip.src': request.socket.remoteAddress!.replace(/^::ffff:/, ''),
    };
    if (this.#matching(zone, 'http_request_firewall_custom', fields).some(({ action }) => action === 'block')) return void refuse(edgeErrors.ruleBlocked);
    if (blocksBot(this.#state.bots(zone), fields['http.user_agent'], fields['http.request.uri.path'])) return void refuse(edgeErrors.botBlocked);

    // Where several rules match, the last decides.
    const settings: CacheSettings = Object.assign({}, ...this.#matching(zone, 'http_request_cache_settings', fields).map(({ action_parameters }) => action_parameters));
    const cacheable = eligibility(request.method, fields['http.request.uri.path'], settings);
    const key = this.#cache.key(host, request.url, request.headers);
    const kept = cacheable === 'eligible' ? this.#cache.find(key) : undefined;
    response.setHeader('cf-cache-status', kept ? 'HIT' : cacheable === 'eligible' ? 'MISS' : cacheable);
    if (kept) return void response.writeHead(kept.status, { ...kept.headers, age: `${Math.floor((Date.now() - kept.storedAt) / 1000)}` }).end(kept.body);

    const session = this.#connectors.pick(tunnelId);
    if (!session) return void refuse(edgeErrors.noConnector);
    const headers = { ...towardsOrigin(request.headers, fields['ip.src'], ray, scheme), ':authority': authority };
    const answered: Forwarding['answered'] = (status, answer) => {
      const seconds = cacheable === 'eligible' && request.method === 'GET' ? lifetime(request.headers, status, answer, settings) : 0;
      return seconds > 0 ? (body) => this.#cache.keep(key, { status, headers: towardsClient(answer), body }, seconds) : undefined;
    };
    forward({ session, request, response, headers, idleMs: this.#idleMs, refuse, answered });
  }

  /** The tunnel that the host's record leads to, by its public name. */
  #tunnelOf(zone: string, host: string): string | undefined {
    const record = this.#state.records(zone).find(({ type, name, proxied }) => type === 'CNAME' && name === host && proxied);
    return /^([0-9a-f-]{36})\.cfargotunnel\.com$/.exec(record?.content ?? '')?.[1];
  }

  #matching(zone: string, phase: Phase, fields: Fields): EdgeRule[] {
    return this.#state.rules(zone, phase).filter(({ enabled, expression }) => enabled && compile(expression)(fields));
  }
}
