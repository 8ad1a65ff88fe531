import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { GatewayProcess, freePort } from '../../test/support/gateway-process.ts';
import { TokenIssuer } from '../../test/support/token-issuer.ts';
import type { Place } from './load.ts';
import { childrenOf, memoryOf } from './memory.ts';
import { Nginx } from './nginx.ts';
import { Program } from './program.ts';

/** A way to reach the backend, and what it holds in memory beside the backend, in bytes. */
export interface Candidate extends Place {
  readonly memory: () => number;
}

export const WORKERS = availableParallelism();

// After seconds without work V8 gives memory back, and compiled code with it. Here those seconds are the turns of the others:
// each turn would measure how the gateway warms up again, which takes it about four seconds.
const STAYS_WARM = ['--no-memory-reducer'];

/** Every way to one backend, at the same time, so that they can be measured in turns. */
export class Candidates {
  readonly all: readonly Candidate[];
  readonly #stop: (() => Promise<void>)[];

  private constructor(all: readonly Candidate[], stop: (() => Promise<void>)[]) {
    this.all = all;
    this.#stop = stop;
  }

  static async start(backendProgram: string): Promise<Candidates> {
    const stop: (() => Promise<void>)[] = [];
    const held = async <Thing extends { stop: () => Promise<void> }>(starting: Promise<Thing>) => {
      const thing = await starting;
      stop.unshift(() => thing.stop());
      return thing;
    };
    try {
      const backend = await held(Program.start<{ url: string }>(join(import.meta.dirname, backendProgram)));
      const { url } = backend.ready;
      const issuer = await held(TokenIssuer.start());
      const token = await longToken(issuer);
      const gateway = await held(GatewayProcess.start({ backend: url, issuer, workers: WORKERS, nodeOptions: STAYS_WARM }));
      const { nginx, fronts } = await Nginx.start([new URL(url).origin, new URL(gateway.url).origin]);
      stop.unshift(() => nginx.stop());
      const behindNginx = (front: string) => `${front}/mcp`;
      const all: Candidate[] = [
        { name: 'bare', url, memory: () => 0 },
        { name: 'nginx', url: behindNginx(fronts[0]!), memory: () => memoryOf(nginx.pid) },
        { name: 'gateway', url: gateway.url, token, memory: () => memoryOf(gateway.pid) },
        { name: 'nginx + gateway', url: behindNginx(fronts[1]!), token, memory: () => memoryOf(nginx.pid) + memoryOf(gateway.pid) },
      ];
      for (const { name, script } of peers()) {
        const peer = await held(Program.start<{ url: string; token: string }>(script, [url, String(await freePort())]));
        // The script itself only signs in.
        all.push({ name, ...peer.ready, memory: () => childrenOf(peer.pid).reduce((sum, child) => sum + memoryOf(child), 0) });
      }
      return new Candidates(all, stop);
    } catch (error) {
      for (const end of stop) await end();
      throw error;
    }
  }

  async stop(): Promise<void> {
    for (const end of this.#stop) await end();
  }
}

/** A token that outlives the measurement. */
export const longToken = (issuer: TokenIssuer, subject = 'alice') =>
  issuer.token({ sub: subject, scope: 'mcp:read', exp: Math.floor(Date.now() / 1000) + 7_200 });

/** Other gateways, built outside the project: PEERS names a folder of scripts that take BACKEND_URL LISTEN_PORT and print `{url, token}`. */
function peers(): { name: string; script: string }[] {
  const folder = process.env.PEERS;
  if (folder === undefined) return [];
  return ['sigbit', 'babs'].map((name) => ({ name, script: join(folder, `${name}.mjs`) })).filter(({ script }) => existsSync(script));
}
