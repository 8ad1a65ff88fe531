// A simulation of cloudflared: a tunnel's connector, with cloudflared's own command line, that connects to a simulated edge in place of
// Cloudflare's. It stands in for the real one's image, so it is one file without dependencies.
import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { Agent, createServer, type OutgoingHttpHeaders, request as ask } from 'node:http';
import { constants, createServer as createHttp2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const VERSION = '2026.8.2-simulation';
const CONNECTIONS = 4;
// The edge asks for a sign of life every second.
const SILENCE_MS = 5000;
/** Not of one hop only, and so not passed on (RFC 9110 §7.6.1). */
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'];

interface Rule {
  hostname?: string;
  path?: string;
  service: string;
}

interface Configuration {
  version: number;
  config: { ingress?: Rule[]; originRequest?: { keepAliveTimeout?: number } };
}

/** The rules that the edge has sent, as cloudflared's ingress package applies them. */
class Ingress {
  version = -1;
  #rules: { hostname?: string; path?: RegExp; service: string }[] = [{ service: 'http_status:503' }];
  agent = new Agent({ keepAlive: true });

  /** One that cannot be used changes nothing. Each connection brings the same one. */
  update({ version, config: { ingress = [], originRequest = {} } }: Configuration): boolean {
    if (version <= this.version) return false;
    const catchesAll = ({ hostname, path }: Rule) => !path && (!hostname || hostname === '*');
    const rules = ingress.map((rule, index) => {
      if (catchesAll(rule) !== (index === ingress.length - 1)) throw new Error('The last ingress rule, and no other, must match all URLs (i.e. it should not have a hostname or path filter)');
      if (/:\d+$/.test(rule.hostname ?? '')) throw new Error('Hostname cannot contain a port');
      if ((rule.hostname ?? '').lastIndexOf('*') > 0) throw new Error('Hostname patterns can have at most one wildcard character ("*") and it can only be used for subdomains, e.g. "*.example.com"');
      if (!/^(http:\/\/[^/]+|http_status:[1-9]\d\d)$/.test(rule.service)) throw new Error(`The simulation knows no such service: ${rule.service}`);
      return { ...rule, path: rule.path ? expression(rule.path) : undefined };
    });
    this.#rules = rules.length > 0 ? rules : [{ service: 'http_status:503' }];
    // Seconds. Only connections without a request are given up.
    this.agent = new Agent({ keepAlive: true, maxFreeSockets: 100, timeout: (originRequest.keepAliveTimeout ?? 90) * 1000 });
    this.version = version;
    return true;
  }

  /** The first rule that matches the host as it stands, without its port, and the decoded path. */
  service(authority: string, path: string): string {
    const host = authority.replace(/:\d+$/, '');
    return this.#rules.find(({ hostname = '*', path: pattern }) => (hostname === '*' || hostname === '' || hostname === host || (hostname.startsWith('*.') && host.endsWith(hostname.slice(1)))) && (!pattern || pattern.test(path)))!.service;
  }
}

/** A pattern of Go's (RE2), found anywhere in a path unless it is anchored. */
function expression(pattern: string): RegExp {
  if (/\(\?(?:<?[=!])|\\[1-9k]/.test(pattern)) throw new Error(`error parsing regexp: invalid or unsupported Perl syntax: ${pattern}`);
  return new RegExp(pattern, 'u');
}

/** What a path's escapes stand for; none for one that Go does not take for a path. */
function decodedPath(target: string): string | undefined {
  const [path] = target.split('?') as [string];
  if (!path.startsWith('/') || /%(?![0-9a-f]{2})/i.test(path)) return undefined;
  return Buffer.from(path.replace(/%(..)/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))), 'latin1').toString();
}

const ingress = new Ingress();
const connectorId = randomUUID();
const controls = new Map<number, ServerHttp2Stream>();
const registered = new Set<number>();
const counts = { requests: 0, errors: 0, active: 0 };
const events = new EventEmitter<{ idle: []; unregistered: [] }>();
let stopping = false;

function log(level: 'INF' | 'ERR', message: string): void {
  process.stderr.write(`${new Date().toISOString().replace(/\.\d+/, '')} ${level} ${message}\n`);
}

async function proxy(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
  counts.requests += 1;
  counts.active += 1;
  stream.on('error', () => {}).once('close', () => {
    counts.active -= 1;
    if (counts.active === 0) events.emit('idle');
  });
  const path = decodedPath(headers[':path']!);
  const service = path === undefined ? 'http_status:400' : ingress.service(headers[':authority']!, path);
  if (service.startsWith('http_status:')) return stream.respond({ ':status': Number(service.slice(12)), ...from('origin') }, { endStream: true });

  const own = Object.entries(headers).filter(([name]) => !name.startsWith(':'));
  // A body whose length is not known is sent in chunks, whatever the method: as it is, an origin would take it for the next request.
  const chunked = !stream.endAfterHeaders && headers['content-length'] === undefined ? { 'transfer-encoding': 'chunked' } : {};
  const request = ask(service, { agent: ingress.agent, method: headers[':method'], path: headers[':path'], headers: { ...Object.fromEntries(own), ...chunked, host: headers[':authority'] } });
  request.on('error', (error) => {
    if (stream.destroyed) return;
    counts.errors += 1;
    log('ERR', `error="Unable to reach the origin service. The service may be down or it may not be responding to traffic from cloudflared: ${error.message}" originService=${service}`);
    if (stream.headersSent) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    else stream.respond({ ':status': 502, ...from('cloudflared') }, { endStream: true });
  });
  request.on('response', (response) => {
    if (stream.destroyed) return;
    const passed = Object.entries(response.headers).filter(([name]) => !HOP_BY_HOP.includes(name));
    stream.respond({ ...Object.fromEntries(passed), ':status': response.statusCode, ...from('origin') });
    pipeline(response, stream, () => {});
  });
  // Whoever asked is gone.
  stream.once('close', () => request.destroy());
  pipeline(stream, request, () => {});
}

/** By which the edge knows an origin's 502 from one in its place. */
const from = (source: 'origin' | 'cloudflared'): OutgoingHttpHeaders => ({ 'cf-cloudflared-response-meta': JSON.stringify({ src: source }) });

async function update(stream: ServerHttp2Stream): Promise<void> {
  const configuration = (await json(stream)) as Configuration;
  let err: string | undefined;
  try {
    if (ingress.update(configuration)) log('INF', `Updated to new configuration config=${JSON.stringify(JSON.stringify(configuration.config))} version=${configuration.version}`);
  } catch (error) {
    err = (error as Error).message;
    log('ERR', `Failed to update ingress error=${JSON.stringify(err)} version=${configuration.version}`);
  }
  stream.respond({ ':status': 200 });
  stream.end(JSON.stringify({ lastAppliedVersion: ingress.version, err }));
}

/** The stream on which this end registers a connection and takes it back; in place of cloudflared's remote procedure calls. */
function control(stream: ServerHttp2Stream, index: number, token: string): void {
  const lines = createInterface(stream);
  for (const emitter of [stream, lines]) emitter.on('error', () => {});
  stream.respond({ ':status': 200 });
  stream.write(`${JSON.stringify({ register: { token, connectorId } })}\n`);
  lines.on('line', (line) => {
    const answer = JSON.parse(line) as { registered?: true; unregistered?: true; refused?: string };
    if (answer.registered) {
      registered.add(index);
      controls.set(index, stream);
      log('INF', `Registered tunnel connection connIndex=${index} location=simulation protocol=http2`);
      if (stopping) unregister(index);
    } else if (answer.unregistered) {
      controls.delete(index);
      log('INF', `Unregistered tunnel connection connIndex=${index}`);
      events.emit('unregistered');
    } else {
      log('ERR', `Register tunnel error from server side error=${JSON.stringify(answer.refused)} connIndex=${index}`);
      if (registered.size === 0) process.exit(1);
    }
  });
}

function unregister(index: number): void {
  registered.delete(index);
  controls.get(index)!.write(`${JSON.stringify({ unregister: true })}\n`);
}

/** One connection to the edge, until it ends. On it the edge is the client, as with cloudflared's protocol http2. */
async function connectTo(edge: URL, index: number, token: string): Promise<void> {
  const server = createHttp2Server({ maxSessionMemory: 1000 });
  server.on('stream', (stream, headers) => {
    const upgrade = headers['cf-cloudflared-proxy-connection-upgrade'];
    if (upgrade === 'control-stream') control(stream, index, token);
    else void (upgrade === 'update-configuration' ? update(stream) : proxy(stream, headers));
  });
  server.on('session', (session) => {
    const silence = setTimeout(() => session.destroy(), SILENCE_MS);
    session.on('error', () => {}).on('ping', () => silence.refresh()).once('close', () => clearTimeout(silence));
  });
  const socket = connect({ host: edge.hostname, port: Number(edge.port) });
  socket.on('error', (error) => log('ERR', `Unable to establish connection with the simulated edge error=${JSON.stringify(error.message)} connIndex=${index}`));
  socket.once('connect', () => server.emit('connection', socket));
  await new Promise((closed) => socket.once('close', closed));
  registered.delete(index);
  controls.delete(index);
  events.emit('unregistered');
}

async function keepConnected(edge: URL, index: number, token: string): Promise<void> {
  for (let failures = 0; !stopping; failures += 1) {
    const began = Date.now();
    await connectTo(edge, index, token);
    if (Date.now() - began > 10_000) failures = 0;
    await sleep(Math.min(2 ** failures, 16) * 500, undefined, { ref: !stopping });
  }
}

/** Takes the connections back, so that nothing new comes, and finishes what is under way, for as long as that may take. */
async function drain(signal: string, graceMs: number): Promise<void> {
  if (stopping) return;
  stopping = true;
  log('INF', `Initiating graceful shutdown due to signal ${signal} ...`);
  setTimeout(() => process.exit(0), graceMs);
  for (const index of registered) unregister(index);
  while (controls.size > 0) await once(events, 'unregistered');
  while (counts.active > 0) await once(events, 'idle');
  process.exit(0);
}

function serveMetrics(address: string): void {
  const { hostname, port } = new URL(`http://${address}`);
  const server = createServer((request, response) => {
    if (request.url === '/ready') {
      const status = registered.size > 0 ? 200 : 503;
      response.writeHead(status).end(JSON.stringify({ status, readyConnections: registered.size, connectorId }));
    } else if (request.url === '/metrics') {
      const gauges = { 'build_info{version="VERSION"}': 1, cloudflared_tunnel_ha_connections: registered.size, cloudflared_tunnel_total_requests: counts.requests, cloudflared_tunnel_request_errors: counts.errors, cloudflared_tunnel_concurrent_requests_per_tunnel: counts.active, cloudflared_orchestration_config_version: ingress.version };
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(Object.entries(gauges).map(([name, value]) => `${name.replace('VERSION', VERSION)} ${value}\n`).join(''));
    } else response.writeHead(404).end();
  }).listen(Number(port), hostname, () => log('INF', `Starting metrics server on ${hostname}:${(server.address() as AddressInfo).port}/metrics`));
}

function milliseconds(duration: string): number {
  const [, value, unit] = /^(\d+)(ms|s|m)$/.exec(duration) ?? fail(`invalid duration: ${duration}`);
  return Number(value) * { ms: 1, s: 1000, m: 60_000 }[unit as 'ms' | 's' | 'm'];
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function checked(token: string): string {
  try {
    const { a, t, s } = JSON.parse(Buffer.from(token, 'base64').toString()) as Record<string, string>;
    if (a && t && s) return token;
  } catch {
    // Not even JSON.
  }
  return fail('Provided Tunnel token is not valid.');
}

const options = { 'no-autoupdate': { type: 'boolean' }, metrics: { type: 'string', default: '127.0.0.1:20241' }, 'grace-period': { type: 'string', default: '30s' } } as const;
const { values, positionals } = parseArgs({ options, allowPositionals: true });
switch (positionals.join(' ')) {
  case 'version':
    process.stdout.write(`cloudflared version ${VERSION}\n`);
    break;
  case 'tunnel ready': {
    const answer = await fetch(`http://${values.metrics}/ready`).catch((error: Error) => fail(error.message));
    if (answer.status !== 200) fail(`http://${values.metrics}/ready endpoint returned status code ${answer.status}\n${await answer.text()}`);
    break;
  }
  case 'tunnel run': {
    const { TUNNEL_TOKEN = '', CLOUDFLARE_EDGE_SIMULATION = fail('This is a simulation of cloudflared: CLOUDFLARE_EDGE_SIMULATION must name the simulated edge, as host:port.') } = process.env;
    const token = checked(TUNNEL_TOKEN);
    log('INF', `Version ${VERSION}. This is a simulation of cloudflared, at the simulated edge ${CLOUDFLARE_EDGE_SIMULATION}.`);
    const graceMs = milliseconds(values['grace-period']);
    serveMetrics(values.metrics);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void drain(signal, graceMs));
    for (let index = 0; index < CONNECTIONS; index += 1) void keepConnected(new URL(`tcp://${CLOUDFLARE_EDGE_SIMULATION}`), index, token);
    break;
  }
  default:
    fail(`The simulation of cloudflared knows tunnel run, tunnel ready and version, and not: ${positionals.join(' ')}`);
}
