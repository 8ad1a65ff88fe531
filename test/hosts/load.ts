import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { LabStack } from './stack.ts';

/** What came of the calls of a while. */
export interface Seen {
  readonly calls: number;
  /** Calls that stream for 20 seconds. */
  readonly slow: number;
  /** Why, and how often. */
  readonly failed: Readonly<Record<string, number>>;
  /** The longest time without an answer, in seconds. */
  readonly gap: number;
}

const program = (name: string) => join(import.meta.dirname, 'inside', name);

/** Concurrent clients on the lab's outside, who have signed in once (see inside/load.ts). */
export class Load {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(process: ChildProcess) {
    this.#process = process;
    this.#lines = createInterface(process.stdout!)[Symbol.asyncIterator]();
  }

  static async begin(stack: LabStack, url: string, user: { username: string; password: string }): Promise<Load> {
    const load = new Load(spawn('nsenter', stack.lab.inside('outside', 'env', [...stack.trust, process.execPath, program('load.ts'), url]), { stdio: ['pipe', 'pipe', 'inherit'] }));
    const { authorize, redirectUri } = JSON.parse(await load.#ask()) as { authorize: string; redirectUri: string };
    load.#process.stdin!.write(`${(await stack.run('outside', process.execPath, [program('browser.ts'), authorize, redirectUri, user.username, user.password])).trim()}\n`);
    return load;
  }

  /** What came of the calls since it was last asked. */
  async seen(): Promise<Seen> {
    return JSON.parse(await this.#ask('\n')) as Seen;
  }

  end(): void {
    this.#process.kill();
  }

  async #ask(question = ''): Promise<string> {
    if (question) this.#process.stdin!.write(question);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the load has ended');
    return value;
  }
}
