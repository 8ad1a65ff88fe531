import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createHttpServer } from './http.ts';
import { Pool, type PoolOptions } from './pool.ts';

export interface Supervisor {
  readonly port: number;
  /** Stops all processes, and what is under way with them. */
  stop(): Promise<void>;
}

/** Serves a stdio server over HTTP until stopped. */
export async function supervise(port: number, options: PoolOptions): Promise<Supervisor> {
  const pool = new Pool(options);
  const server = createHttpServer(pool);
  server.listen(port);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      server.close();
      await pool.stop();
      server.closeAllConnections();
    },
  };
}
