import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { CloudflareSimulation } from '../cloudflare/simulation.ts';
import { Authority } from './identity.ts';

export const zone = 'example.test';
export const host = `mcp.${zone}`;
/** As inside/boot.sh has them: 443 of the edge and of the API leads to ports of the machine itself, whose own 443 is the stack's. */
export const addresses = { edge: '198.18.0.1', api: '198.18.0.2', acme: '198.18.0.3', resolver: '198.18.0.53' };
export const ports = { edge: 7443, plain: 7480, api: 7444, connectors: 7844 };
/** Of the machine, as the internet knows it. */
export const publicAddress = '198.51.100.7';

/** What tests know of the simulation of Cloudflare. */
export interface Cloudflare {
  /** Base of its API. */
  readonly api: string;
  readonly accountId: string;
  /** It may do everything. */
  readonly token: string;
  /** Where a member of `CloudflareSimulation` is called with arguments, for what no API tells. */
  readonly control: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    cloudflare: Cloudflare;
  }
}

/** The internet of a machine apart, in a process of its own: it answers whatever the tests are busy with. */
export class Internet {
  readonly cloudflare: Cloudflare;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, cloudflare: Cloudflare) {
    this.#process = process;
    this.cloudflare = cloudflare;
  }

  static async open(): Promise<Internet> {
    directory();
    // It ends as its input does: also when this process is killed.
    const child = spawn(process.execPath, [join(import.meta.dirname, 'inside/internet.ts')], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`The simulation of Cloudflare ended with ${String(code)}.`)));
    ended.catch(() => {});
    const [line] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer];
    return new Internet(child, JSON.parse(line.toString()) as Cloudflare);
  }

  async close(): Promise<void> {
    this.#process.stdin!.end();
    if (this.#process.exitCode === null) await once(this.#process, 'exit');
  }
}

/** Calls a member of the simulation. */
export async function simulation<T>({ control }: Cloudflare, member: keyof CloudflareSimulation, ...args: unknown[]): Promise<T> {
  return (await (await fetch(control, { method: 'POST', body: JSON.stringify([member, ...args]) })).json()) as T;
}

/** The CA of all that is simulated. */
export const authority = (): Authority => Authority.in(join(directory(), 'identity'));

/** Of the machine apart, where alone these names and addresses mean what they mean here. */
export function directory(): string {
  const { MACHINE_APART: name } = process.env;
  if (name === undefined) throw new Error('Behind a tunnel a stack has the names and ports of the internet for itself, on a machine apart: as root, `npm test -- --project tunnel`.');
  return name;
}
