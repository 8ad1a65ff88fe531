import { resolve4 } from 'node:dns/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { getCACertificates } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';

/** In milliseconds. A machine on which everything is tested at once may be slow, which is no error. */
const PATIENCE = 30_000;

interface Try {
  /** When it began and when it ended, in milliseconds. */
  readonly began: number;
  readonly ended: number;
  /** The address that the name led to, and what came from there; or what went wrong. */
  readonly address?: string;
  readonly problem?: string;
}

/** Somebody who asks for a page over and over, each time by the name and over a connection of its own. */
export class Prober {
  readonly tries: Try[] = [];
  readonly #url: URL;
  readonly #working: Promise<void>;
  #stopped = false;

  constructor(url: string) {
    this.#url = new URL(url);
    this.#working = this.#work();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#working;
  }

  /** For how long there was no good answer, in milliseconds, and what came in its place. */
  get outage(): { milliseconds: number; problems: string[] } {
    let milliseconds = 0;
    let since: number | undefined;
    for (const { began, ended, problem } of this.#inOrder) {
      if (problem !== undefined) since ??= began;
      else if (since !== undefined) {
        milliseconds += ended - since;
        since = undefined;
      }
    }
    return { milliseconds, problems: [...new Set(this.tries.flatMap(({ address, problem }) => (problem ? `${problem} from ${address}` : [])))] };
  }

  /** The addresses that the name led to, in the order of their coming. */
  get addresses(): string[] {
    return this.#inOrder.flatMap(({ address }) => address ?? []).filter((address, index, all) => address !== all[index - 1]);
  }

  /** As they began. */
  get #inOrder(): Try[] {
    return this.tries.toSorted((one, other) => one.began - other.began);
  }

  async #work(): Promise<void> {
    const open = new Set<Promise<void>>();
    while (!this.#stopped) {
      const one: Promise<void> = this.#try().finally(() => open.delete(one));
      open.add(one);
      await sleep(50);
    }
    await Promise.all(open);
  }

  async #try(): Promise<void> {
    const began = Date.now();
    let address: string | undefined;
    let problem: string | undefined;
    try {
      [address] = await resolve4(this.#url.hostname);
      const status = await this.#ask(address!);
      if (status !== 200) problem = `status ${status}`;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      problem = code ?? message;
    }
    this.tries.push({ began, ended: Date.now(), address, problem });
  }

  #ask(address: string): Promise<number> {
    const { hostname, pathname } = this.#url;
    return new Promise((resolve, reject) => {
      const options = { host: address, servername: hostname, path: pathname, headers: { host: hostname }, agent: false as const, ca: getCACertificates('default'), timeout: PATIENCE };
      const asking = request(options, (response: IncomingMessage) => void response.resume().on('end', () => resolve(response.statusCode!)).on('error', reject));
      asking.on('timeout', () => asking.destroy(new Error(`no answer within ${PATIENCE / 1000} s`))).on('error', reject).end();
    });
  }
}
