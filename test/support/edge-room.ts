import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { Agent, request as ask } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { EdgeSimulation } from '../cloudflare/edge.ts';
import type { BotSettings, Configuration, EdgeRecord, EdgeRule, EdgeState, Phase, TunnelEvents } from '../cloudflare/edge-state.ts';

export const TUNNEL = '7b4c6f1e-0000-4000-8000-000000000001';
export const HOST = 'mcp.example.test';
export const token = (secret = 'c2VjcmV0') => Buffer.from(JSON.stringify({ a: 'account', t: TUNNEL, s: secret })).toString('base64');

/** An account with one zone and one tunnel, in place of the simulation of the API. */
export class Account implements EdgeState {
  zones = ['example.test'];
  entries: EdgeRecord[] = [{ type: 'CNAME', name: HOST, content: `${TUNNEL}.cfargotunnel.com`, proxied: true }];
  rulesets: Partial<Record<Phase, EdgeRule[]>> = {};
  settings: BotSettings = { ai_bots_protection: 'disabled' };
  configuration: Configuration = { version: 0 };
  /** Ids of connectors. */
  readonly connected = new Set<string>();
  readonly events = new EventEmitter<TunnelEvents>();

  records = () => this.entries;
  rules = (_: string, phase: Phase) => this.rulesets[phase] ?? [];
  bots = () => this.settings;
  tunnelOf = (candidate: string) => (candidate === token() ? TUNNEL : undefined);

  connect(_: string, connectorId: string): Configuration {
    this.connected.add(connectorId);
    return this.configuration;
  }

  disconnect(_: string, connectorId: string): void {
    this.connected.delete(connectorId);
  }

  configure(ingress: object[], originRequest?: object): void {
    this.configuration = { version: this.configuration.version + 1, config: { ingress, originRequest } };
    this.events.emit('configuration', TUNNEL, this.configuration);
  }
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** A simulated edge, connectors of its own, and an origin behind them. */
export class EdgeRoom {
  readonly account = new Account();
  readonly connectors: Connector[] = [];
  edge!: EdgeSimulation;
  ca = '';
  #key = '';
  readonly #idleMs: number;
  readonly #origin: Server;
  readonly #agent = new Agent({ keepAlive: true });

  private constructor(origin: RequestListener, idleMs: number) {
    this.#origin = createServer(origin);
    this.#idleMs = idleMs;
  }

  /** With one connector whose tunnel leads everything to the origin. */
  static async open(origin: RequestListener, { idleMs = 100_000 } = {}): Promise<EdgeRoom> {
    const room = new EdgeRoom(origin, idleMs);
    room.#origin.listen(0, '127.0.0.1');
    await once(room.#origin, 'listening');
    ({ certificate: room.ca, key: room.#key } = makeEdgeCertificate());
    await room.startEdge();
    room.account.configure([{ service: room.service }]);
    await room.connector();
    return room;
  }

  get service(): string {
    return `http://127.0.0.1:${(this.#origin.address() as AddressInfo).port}`;
  }

  async startEdge(connectorPort = 0): Promise<void> {
    this.edge = await EdgeSimulation.start({ certificate: this.ca, key: this.#key, listen: { address: '127.0.0.1', port: 0, connectorPort }, state: this.account, idleMs: this.#idleMs });
  }

  /** Starts another connector, and waits for its connections. */
  async connector(...options: string[]): Promise<Connector> {
    const connector = new Connector(this.edge.connectorPort, token(), options);
    this.connectors.push(connector);
    await until('four connections', async () => (await connector.ready()).readyConnections === 4);
    return connector;
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    for (const { process } of this.connectors) process.kill('SIGKILL');
    await this.edge.stop();
    this.#origin.closeAllConnections();
    this.#origin.close();
  }

  /** Over HTTP/1.1. The path goes over the wire as it stands. */
  async get(path: string, { method = 'GET', headers = {}, body, from, host = HOST }: { method?: string; headers?: Record<string, string>; body?: string | Buffer; from?: string; host?: string } = {}): Promise<Answer> {
    const request = ask({ host: '127.0.0.1', port: this.edge.port, servername: host, ca: this.ca, agent: from ? new Agent() : this.#agent, localAddress: from, method, path, headers: { host, ...headers } });
    request.end(body);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return { status: response.statusCode!, headers: response.headers, text: await text(response) };
  }

  http2(): ClientHttp2Session {
    return connectHttp2(`https://${HOST}:${this.edge.port}`, { ca: this.ca, servername: HOST, lookup: (_name, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }] as never, 4) });
  }
}

/** Of a zone `example.test`, as Cloudflare's universal one: it covers one label below. */
export function makeEdgeCertificate(): { certificate: string; key: string } {
  const files = mkdtempSync(join(tmpdir(), 'drawbridge-edge-'));
  const [key, certificate] = [join(files, 'key'), join(files, 'certificate')];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=edge', '-addext', 'subjectAltName=DNS:example.test,DNS:*.example.test', '-keyout', key, '-out', certificate], { stdio: 'pipe' });
  const made = { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') };
  rmSync(files, { recursive: true });
  return made;
}

/** A connector's process. */
export class Connector {
  readonly process: ChildProcess;
  readonly ended: Promise<number | null>;
  output = '';

  constructor(edgePort: number, tunnelToken: string, options: string[] = []) {
    this.process = cloudflared(['tunnel', '--no-autoupdate', '--metrics', '127.0.0.1:0', ...options, 'run'], { TUNNEL_TOKEN: tunnelToken, CLOUDFLARE_EDGE_SIMULATION: `127.0.0.1:${edgePort}` });
    this.process.stderr!.setEncoding('utf8').on('data', (piece: string) => (this.output += piece));
    this.ended = once(this.process, 'exit').then(([code]) => code as number | null);
  }

  /** Address of its metrics. */
  get metrics(): string {
    return /metrics server on (\S+)\/metrics/.exec(this.output)?.[1] ?? 'not.yet.invalid';
  }

  async ready(): Promise<{ status: number; readyConnections: number; connectorId: string }> {
    const answer = await fetch(`http://${this.metrics}/ready`).catch(() => undefined);
    return answer ? ((await answer.json()) as never) : { status: 0, readyConnections: 0, connectorId: '' };
  }

  async metric(name: string): Promise<number> {
    const page = await (await fetch(`http://${this.metrics}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(page)?.[1]);
  }
}

/** The simulation of cloudflared, with its command line. */
export function cloudflared(args: string[], env: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, '../cloudflare/connector.ts'), ...args], { env: { PATH: process.env.PATH, ...env } });
}

export async function until(what: string, holds: () => boolean | Promise<boolean>, seconds = 15): Promise<void> {
  for (const end = Date.now() + seconds * 1000; !(await holds()); await sleep(20)) if (Date.now() > end) throw new Error(`Not within ${seconds} s: ${what}`);
}
