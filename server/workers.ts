import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { MessageChannel, Worker } from 'node:worker_threads';
import { shareLimits } from './limits.ts';
import type { Snapshot } from './metrics.ts';
import { serveSessions } from './sessions/remote.ts';
import type { Sessions } from './sessions/session.ts';
import type { Settings } from './settings.ts';
import type { Report, Request, WorkerData } from './worker.ts';

// Room for what lives no longer than a request. V8 would take several times as much, for no more speed.
const resourceLimits = { maxYoungGenerationSizeMb: 32 };

// Four outrun any backend that has the other cores, and fit into the memory of the container.
const MAX_WORKERS = 4;

/** What the workers say of themselves. */
export interface WorkerState {
  readonly problem: string | undefined;
  readonly metrics: Snapshot;
}

/** The threads that serve requests, one for each core, all on one port. */
export class Workers {
  readonly port: number;
  readonly #workers: readonly Worker[];

  private constructor(port: number, workers: readonly Worker[]) {
    this.port = port;
    this.#workers = workers;
  }

  /** @param died a worker is gone; the rest would go on with a share of the connections unanswered */
  static async start(settings: Settings, sessions: Sessions, died: (error: unknown) => void): Promise<Workers> {
    const count = settings.workers ?? Math.min(availableParallelism(), MAX_WORKERS);
    const common = { limits: shareLimits(randomBytes(16).toString('hex')), maskSecret: randomBytes(6).toString('hex') };
    const workers: Worker[] = [];
    let { port } = settings;
    for (let index = 0; index < count; index += 1) {
      const { port1, port2 } = new MessageChannel();
      serveSessions(sessions, port1);
      const workerData: WorkerData = { ...common, settings: { ...settings, port }, sessionsPort: port2, sharesPort: count > 1, worker: index };
      const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData, transferList: [port2], resourceLimits });
      const [report] = (await once(worker, 'message')) as [Report];
      if (report.kind === 'listening') port = report.port;
      worker.on('error', died).on('exit', (code) => code !== 0 && died(new Error(`A worker ended with ${code}`)));
      workers.push(worker);
    }
    return new Workers(port, workers);
  }

  /** Asks each worker how it is. */
  state(): Promise<WorkerState[]> {
    return Promise.all(
      this.#workers.map(
        (worker) =>
          new Promise<WorkerState>((resolve) => {
            const hear = (report: Report) => {
              if (report.kind !== 'state') return;
              worker.off('message', hear);
              resolve(report);
            };
            worker.on('message', hear).postMessage({ ask: 'state' } satisfies Request);
          }),
      ),
    );
  }

  /** Lets each worker finish what it is doing. */
  async stop(): Promise<void> {
    await Promise.all(
      this.#workers.map(async (worker) => {
        const ended = once(worker, 'exit');
        worker.postMessage({ ask: 'stop' } satisfies Request);
        await ended;
      }),
    );
  }
}
