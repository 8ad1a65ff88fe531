import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayProcess } from '../../test/support/gateway-process.ts';
import { TokenIssuer } from '../../test/support/token-issuer.ts';
import { aimed, type Figure, against, kilobytes, megabytes, milliseconds } from '../figure.ts';
import { longToken, WORKERS } from './candidates.ts';
import { load } from './load.ts';
import { memoryOf } from './memory.ts';
import { Program } from './program.ts';

const REST_MILLISECONDS = 3_000;

/** Memory of the gateway at rest and with many open streams, and what another user notices of them. */
export async function measureStreams(): Promise<Figure[]> {
  const backend = await Program.start<{ url: string }>(join(import.meta.dirname, 'trivial-backend.ts'));
  const issuer = await TokenIssuer.start();
  const gateway = await GatewayProcess.start({ backend: backend.ready.url, issuer, workers: WORKERS });
  const streams = new Streams(gateway.url, await longToken(issuer));
  try {
    await sleep(REST_MILLISECONDS);
    const rest = memoryOf(gateway.pid);
    const figures = [aimed(megabytes(`gateway at rest, memory a worker (${WORKERS} workers)`, rest / WORKERS), 'at most 120 MB', rest / WORKERS <= 120e6)];

    // The first calls compile the code; that is no stream's memory.
    const other = { name: 'gateway', url: gateway.url, token: await longToken(issuer, 'bob') };
    await load(other, '2026-07-28', 8, 3);
    await sleep(REST_MILLISECONDS);
    const alone = await load(other, '2026-07-28', 8, 3);
    const [rss, pss] = [memoryOf(gateway.pid, 'Rss'), memoryOf(gateway.pid)];
    for (const count of [1_000, 5_000]) {
      await streams.open(count);
      await sleep(REST_MILLISECONDS);
      const each = (memoryOf(gateway.pid, 'Rss') - rss) / count;
      figures.push(
        aimed(kilobytes(`${count} open streams, memory a stream`, each), 'at most 30 kB', each <= 30e3),
        kilobytes(`${count} open streams, memory a stream by PSS`, (memoryOf(gateway.pid) - pss) / count),
      );
    }
    const beside = await load(other, '2026-07-28', 8, 3);
    figures.push(against(milliseconds('p50 of another user beside 5000 open streams', beside.p50), milliseconds('', alone.p50)));
    return figures;
  } finally {
    await streams.stop();
    await gateway.stop();
    await issuer.stop();
    await backend.stop();
  }
}

/** The clients of the streams, in a process of their own. */
class Streams {
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  constructor(url: string, token: string) {
    this.#child = spawn(process.execPath, [join(import.meta.dirname, 'stream-client.ts'), url, token], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout! });
  }

  /** Opens streams until there are so many. @throws Error when one could not be opened or ended. */
  async open(count: number): Promise<void> {
    this.#child.stdin!.write(`${count}\n`);
    const [opened] = (await Promise.race([once(this.#lines, 'line'), once(this.#lines, 'close')])) as [string?];
    if (opened === undefined) throw new Error(`${count} streams could not be held open.`);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.stdin!.end();
    await once(this.#child, 'exit');
  }
}
