import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApp } from './app.ts';
import { createHealthServer } from './health.ts';
import type { Logger } from './logger.ts';
import type { Settings } from './settings.ts';

/** How long requests may go on once the server is asked to stop. Below the time that the container is given. */
const GRACE_MILLISECONDS = 8_000;

export interface Listening {
  readonly port: number;
  readonly healthPort: number;
  /** Takes no new connections, lets requests finish for a while, then ends what is left. */
  stop(graceMilliseconds?: number): Promise<void>;
}

/** Serves until stopped. @throws the error of the operating system when a port is taken. */
export async function listen(settings: Settings, logger: Logger): Promise<Listening> {
  const app = createApp(settings, logger);
  const server = createServer(app.handle);
  // A client has this long for its headers and its whole request, so that slow ones cannot hold connections for ever.
  server.headersTimeout = 15_000;
  server.requestTimeout = 60_000;
  // Longer than a front keeps idle connections (nginx: 60 s), or it would reuse one that is just being closed here.
  server.keepAliveTimeout = 75_000;

  const health = createHealthServer(() => server.listening);
  await bind(server, settings.port);
  // Loopback: only the container's own health check asks.
  await bind(health, settings.healthPort, '127.0.0.1');

  return {
    port: portOf(server),
    healthPort: portOf(health),
    async stop(graceMilliseconds = GRACE_MILLISECONDS) {
      const closed = once(server, 'close');
      server.close();
      // Connections that were busy at that moment become idle later.
      const sweep = setInterval(() => server.closeIdleConnections(), 50);
      const cut = setTimeout(() => void app.close().finally(() => server.closeAllConnections()), graceMilliseconds);
      await closed;
      clearInterval(sweep);
      clearTimeout(cut);
      health.close();
      health.closeAllConnections();
    },
  };
}

async function bind(server: Server, port: number, host?: string): Promise<void> {
  server.listen(port, host);
  await once(server, 'listening');
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
