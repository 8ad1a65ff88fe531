import { connect } from 'node:net';
import type { ServerSettings } from './settings.ts';

const EVERY_MILLISECONDS = 15_000;
const PATIENCE_MILLISECONDS = 3_000;

/** Which backends take connections, looked at every 15 s: without a request, which a server elsewhere would have to answer. */
export class Reachability {
  readonly #reachable = new Map<string, boolean>();
  readonly #timer: NodeJS.Timeout;

  constructor(servers: readonly Pick<ServerSettings, 'name' | 'backend'>[]) {
    const look = () => void Promise.all(servers.map(async ({ name, backend }) => this.#reachable.set(name, await takesConnections(backend.url))));
    look();
    this.#timer = setInterval(look, EVERY_MILLISECONDS).unref();
  }

  /** Server → whether its backend could be reached; absent until it was tried. */
  state(): Record<string, boolean> {
    return Object.fromEntries(this.#reachable);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

function takesConnections(url: string): Promise<boolean> {
  const { hostname, port, protocol } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (protocol === 'https:' ? 443 : 80), timeout: PATIENCE_MILLISECONDS });
    const say = (reachable: boolean) => {
      socket.destroy();
      resolve(reachable);
    };
    socket.on('connect', () => say(true)).on('timeout', () => say(false)).on('error', () => say(false));
  });
}
