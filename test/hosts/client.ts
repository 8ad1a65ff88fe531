import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { LabStack } from './stack.ts';

/** What one call of a connected client came to. */
export interface Call {
  /** When it was answered, in milliseconds. */
  readonly at: number;
  readonly ok: boolean;
  /** The answer, or what went wrong. */
  readonly said: string;
  readonly seconds: number;
}

type Line = { authorize: string; redirectUri: string } | { refused: string } | { call: string; seconds: number };

const program = (name: string) => join(import.meta.dirname, 'inside', name);

/** An MCP client (the SDK's) somewhere in the lab, whose user signs in; then it calls a tool five times a second. */
export class LabClient {
  readonly calls: Call[] = [];
  readonly #process: ChildProcess;
  #since = Date.now();

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  /**
   * @param from where the client calls from
   * @param browser where its user's browser is
   * @throws Error with what the client was told, where it cannot even begin to sign in
   */
  static async connect(stack: LabStack, user: { username: string; password: string }, { from = 'outside', browser = 'outside' } = {}): Promise<LabClient> {
    const child = spawn('nsenter', stack.lab.inside(from, 'env', [...stack.trust, process.execPath, program('client.ts'), LabStack.url]), { stdio: ['pipe', 'pipe', 'inherit'] });
    const client = new LabClient(child);
    const { promise: connected, resolve, reject } = Promise.withResolvers<void>();
    const take = async (line: Line) => {
      if ('refused' in line) throw new Error(line.refused);
      if ('authorize' in line) return void child.stdin.write(`${(await stack.run(browser, process.execPath, [program('browser.ts'), line.authorize, line.redirectUri, user.username, user.password])).trim()}\n`);
      client.calls.push({ at: Date.now(), ok: line.call.includes(user.username), said: line.call, seconds: line.seconds });
      resolve();
    };
    createInterface(child.stdout).on('line', (line) => void take(JSON.parse(line) as Line).catch(reject));
    child.once('exit', (code) => reject(new Error(`the client ended with ${code}`)));
    await connected;
    return client;
  }

  /** Forgets what it saw until now. */
  begin(): void {
    this.calls.length = 0;
    this.#since = Date.now();
  }

  /** Since `begin`: the longest time without an answer to a call, in seconds, and what came in its place. */
  get outage(): { seconds: number; said: string[] } {
    const answered = [this.#since, ...this.calls.filter(({ ok }) => ok).map(({ at }) => at), Date.now()];
    const gaps = answered.slice(1).map((at, index) => at - answered[index]!);
    return { seconds: Math.max(...gaps) / 1000, said: [...new Set(this.calls.filter(({ ok }) => !ok).map(({ said }) => said.replace(/"id":\d+/, '"id":…')))] };
  }

  leave(): void {
    this.#process.kill();
  }
}
