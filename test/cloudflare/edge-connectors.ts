import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Configuration, EdgeState } from './edge-state.ts';

// As cloudflared has it for QUIC.
const HEARTBEAT_MS = 1000;
const SILENCE_MS = 5000;
const UPGRADE = 'cf-cloudflared-proxy-connection-upgrade';

interface Connection {
  readonly tunnelId: string;
  readonly connectorId: string;
  readonly session: ClientHttp2Session;
}

/**
 * The simulated edge's side towards connectors. Connectors connect out; on their connections the edge is HTTP/2's client, so that
 * streams, cancellations and back-pressure are HTTP/2's own, as with cloudflared. What is simpler than Cloudflare's: no TLS, and
 * JSON lines in place of Cap'n Proto.
 */
export class Connectors {
  readonly #state: EdgeState;
  readonly #connections: Connection[] = [];
  readonly #configurations = new Map<string, Configuration>();
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#accept(socket));
  #turn = 0;

  constructor(state: EdgeState) {
    this.#state = state;
    state.events.on('configuration', (tunnelId, configuration) => {
      this.#configurations.set(tunnelId, configuration);
      for (const { session } of this.#of(tunnelId)) void configure(session, configuration).catch(() => {});
    });
    state.events.on('cleanup', (tunnelId, connectorIds) => this.#end(this.#of(tunnelId).filter(({ connectorId }) => connectorIds.includes(connectorId))));
    state.events.on('deleted', (tunnelId) => this.#end(this.#of(tunnelId)));
  }

  /** @returns the port */
  async listen(address: string, port: number): Promise<number> {
    this.#server.listen(port, address);
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  /** One of the tunnel's connections, each in its turn. */
  pick(tunnelId: string): ClientHttp2Session | undefined {
    const connections = this.#of(tunnelId);
    this.#turn += 1;
    return connections[this.#turn % connections.length]?.session;
  }

  #of(tunnelId: string): Connection[] {
    return this.#connections.filter((connection) => connection.tunnelId === tunnelId);
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket.on('error', () => {}).once('close', () => this.#sockets.delete(socket)));
    const session = connect('http://connector.simulation', { createConnection: () => socket, maxSessionMemory: 1000, settings: { enablePush: false } });
    session.on('error', () => {});
    keepAlive(session);
    const control = session.request({ ':method': 'POST', [UPGRADE]: 'control-stream' });
    const lines = createInterface(control);
    for (const emitter of [control, lines]) emitter.on('error', () => {});
    lines.on('line', (line) => {
      const { register, unregister } = JSON.parse(line) as { register?: { token: string; connectorId: string }; unregister?: true };
      if (register) void this.#register(session, control, register.token, register.connectorId).catch(() => session.destroy());
      if (!unregister) return;
      this.#remove(session);
      control.write('{"unregistered":true}\n');
    });
    session.once('close', () => this.#remove(session));
  }

  async #register(session: ClientHttp2Session, control: ClientHttp2Stream, token: string, connectorId: string): Promise<void> {
    const tunnelId = this.#state.tunnelOf(token);
    if (tunnelId === undefined) {
      control.end('{"refused":"Unauthorized: Tunnel not found"}\n');
      return session.close();
    }
    const first = this.#of(tunnelId).every((connection) => connection.connectorId !== connectorId);
    this.#connections.push({ tunnelId, connectorId, session });
    if (first) this.#configurations.set(tunnelId, this.#state.connect(tunnelId, connectorId));
    await configure(session, this.#configurations.get(tunnelId)!);
    control.write('{"registered":true}\n');
  }

  #end(connections: readonly Connection[]): void {
    for (const { session } of connections) {
      this.#remove(session);
      session.destroy();
    }
  }

  #remove(session: ClientHttp2Session): void {
    const index = this.#connections.findIndex((connection) => connection.session === session);
    if (index === -1) return;
    const [{ tunnelId, connectorId }] = this.#connections.splice(index, 1) as [Connection];
    if (this.#of(tunnelId).every((connection) => connection.connectorId !== connectorId)) this.#state.disconnect(tunnelId, connectorId);
  }
}

async function configure(session: ClientHttp2Session, { version, config }: Configuration): Promise<void> {
  if (!config) return;
  const update = session.request({ ':method': 'POST', [UPGRADE]: 'update-configuration' });
  update.end(JSON.stringify({ version, config }));
  await once(update.resume(), 'end');
}

/** Ends a connection whose other end is silent. */
function keepAlive(session: ClientHttp2Session): void {
  let heard = Date.now();
  const beat = setInterval(() => {
    if (Date.now() - heard > SILENCE_MS) session.destroy();
    else session.ping(() => (heard = Date.now()));
  }, HEARTBEAT_MS);
  session.once('close', () => clearInterval(beat));
}
