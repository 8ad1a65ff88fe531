import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGateway, type Common, type Gateway, type Log } from './gateway.ts';
import type { Settings } from './settings.ts';

/** One worker, serving. */
export interface Listening {
  readonly port: number;
  readonly gateway: Gateway;
  /** Takes no new connections, ends streams in which nothing is asked, lets requests finish for a while, then ends what is left. */
  stop(graceMilliseconds?: number): Promise<void>;
}

/**
 * Serves until stopped.
 * @param sharesPort other workers listen on the same port
 * @throws the error of the operating system when the port is taken
 */
export async function listen(settings: Settings, common: Common, log: Log, sharesPort = false): Promise<Listening> {
  const gateway = await createGateway(settings, common, log);
  // What the front lets through: access tokens can be large.
  const server = createServer({ maxHeaderSize: 32 * 1024 }, gateway.handle);
  // A client has this long for its headers and its whole request, so that slow ones cannot hold connections for ever.
  server.headersTimeout = 15_000;
  server.requestTimeout = 60_000;
  // Longer than a front keeps idle connections (nginx: 60 s), or it would reuse one that is just being closed here.
  server.keepAliveTimeout = 75_000;
  server.listen({ port: settings.port, reusePort: sharesPort });
  await once(server, 'listening');

  return {
    port: (server.address() as AddressInfo).port,
    gateway,
    stop: (graceMilliseconds = settings.stopSeconds * 1000) => stop(server, gateway, graceMilliseconds),
  };
}

async function stop(server: Server, gateway: Gateway, graceMilliseconds: number): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  // Connections that were busy at that moment become idle later, and streams get to the end of an event.
  const sweep = setInterval(() => {
    gateway.endListening();
    server.closeIdleConnections();
  }, 50);
  const cut = setTimeout(() => server.closeAllConnections(), graceMilliseconds);
  await closed;
  clearInterval(sweep);
  clearTimeout(cut);
  await gateway.close();
}
