import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import type { Common } from './gateway.ts';
import { listen } from './listen.ts';
import { createLogger, standardOutput } from './logger.ts';
import type { Snapshot } from './metrics.ts';
import { remoteSessions } from './sessions/remote.ts';
import type { Settings } from './settings.ts';

/** What a worker is started with. */
export interface WorkerData extends Omit<Common, 'sessions'> {
  readonly settings: Settings;
  readonly sessionsPort: MessagePort;
  readonly sharesPort: boolean;
}

/** From the main thread. */
export type Request = { readonly ask: 'state' | 'stop' };
/** To the main thread. */
export type Report =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'state'; readonly problem: string | undefined; readonly metrics: Snapshot };

const { settings, sessionsPort, sharesPort, limits, maskSecret, worker } = workerData as WorkerData;
const lines = standardOutput();
const logger = createLogger(lines);
const listening = await listen(settings, { sessions: remoteSessions(sessionsPort), limits, maskSecret, worker }, { logger, lines }, sharesPort);
const report = (message: Report) => parentPort!.postMessage(message);

parentPort!.on('message', async ({ ask }: Request) => {
  if (ask === 'state') return report({ kind: 'state', problem: listening.gateway.problem(), metrics: await listening.gateway.snapshot() });
  await listening.stop();
  logger.flush();
  parentPort!.close();
  sessionsPort.close();
});
report({ kind: 'listening', port: listening.port });
