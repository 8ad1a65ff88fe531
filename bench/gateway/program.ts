import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const running = new Set<ChildProcess>();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** A child that says with one line of JSON when it is ready. It ends with this process at the latest. */
export class Program<Ready> {
  readonly ready: Ready;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, ready: Ready) {
    this.#child = child;
    this.ready = ready;
  }

  /** @throws Error when it ends without that line. */
  static async start<Ready>(file: string, args: readonly string[] = [], env: Record<string, string> = {}): Promise<Program<Ready>> {
    const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
    running.add(child);
    child.on('exit', () => running.delete(child));
    const lines = createInterface({ input: child.stdout! });
    const line = await Promise.race([once(lines, 'line').then(([first]) => first as string), once(child, 'exit').then(() => undefined)]);
    if (line === undefined) throw new Error(`${file} ended before it was ready (exit code ${child.exitCode}).`);
    return new Program<Ready>(child, JSON.parse(line) as Ready);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const cut = setTimeout(() => this.#child.kill('SIGKILL'), 5_000);
    await exited;
    clearTimeout(cut);
  }
}
