import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHealthServer, createMetricsServer } from './health.ts';
import type { Logger } from './logger.ts';
import { exposition } from './metrics.ts';
import { Reachability } from './reachability.ts';
import { Backend } from './relay/backend.ts';
import { SessionRegistry } from './sessions/registry.ts';
import type { Settings } from './settings.ts';
import { Workers } from './workers.ts';

const SWEEP_MILLISECONDS = 60_000;

/** The whole process: workers, sessions, health and metrics. */
export interface Serving {
  readonly port: number;
  readonly healthPort: number;
  readonly metricsPort: number | undefined;
  stop(): Promise<void>;
}

/** @param died the process cannot go on */
export async function serve(settings: Settings, logger: Logger, died: (error: unknown) => void): Promise<Serving> {
  const backends = new Map(settings.servers.map(({ name, backend }) => [name, new Backend(backend)]));
  const sessions = new SessionRegistry(backends);
  const sweep = setInterval(() => sessions.sweep(), SWEEP_MILLISECONDS).unref();
  const reachability = new Reachability(settings.servers);
  const workers = await Workers.start(settings, sessions, died);
  let live = true;

  const look = async () => {
    const states = await workers.state();
    const unreachable = Object.entries(reachability.state()).filter(([, reachable]) => !reachable);
    const problems = [...states.flatMap(({ problem }) => (problem === undefined ? [] : [problem])), ...unreachable.map(([server]) => `the backend of ${server} cannot be reached`)];
    return { live, problems: [...new Set(problems)] };
  };
  const metrics = async () => exposition((await workers.state()).map((state) => state.metrics), { sessions: sessions.size, backends: reachability.state() });
  // Loopback: only the container's own health check asks.
  const health = await bound(createHealthServer(look), settings.healthPort, '127.0.0.1');
  const scraped = settings.metricsPort === undefined ? undefined : await bound(createMetricsServer(metrics), settings.metricsPort);

  return {
    port: workers.port,
    healthPort: portOf(health),
    metricsPort: scraped && portOf(scraped),
    async stop() {
      live = false;
      clearInterval(sweep);
      reachability.close();
      logger.flush();
      await workers.stop();
      for (const server of [health, scraped]) server?.close().closeAllConnections();
      await Promise.all([...backends.values()].map((backend) => backend.close()));
    },
  };
}

async function bound(server: Server, port: number, host?: string): Promise<Server> {
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
