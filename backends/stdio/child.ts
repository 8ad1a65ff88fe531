import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { splitLines } from './lines.ts';
import { ErrorOutput, type Log } from './log.ts';
import { isMessage, parse, type Message } from './messages.ts';
import type { Launch } from './users.ts';

/** Longest line that a server may write, in bytes. Parsed it takes many times as much, of a container's 1 GB. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
/** Most that may wait for a server to read it, in bytes. */
const MAX_UNREAD_BYTES = 64 * 1024 * 1024;
/** Milliseconds in which the last output of a process that has ended is read. */
const LAST_OUTPUT = 1_000;

/** One run of the server: newline-delimited JSON-RPC on its standard streams. */
export class Child {
  /** Resolves once it runs. Rejects with an error for users when it cannot be started. */
  readonly started: Promise<void>;
  /** Resolves with its first output, or its end. */
  readonly firstSign: Promise<void>;
  /** Resolves when it has ended and all its output was handled: how, for the log, where it did so by itself. */
  readonly ended: Promise<string | undefined>;
  hasEnded = false;
  readonly startedAt = performance.now();
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #log: Log;
  readonly #errors: ErrorOutput;
  readonly #timers: NodeJS.Timeout[] = [];
  /** It has to end, or cannot start. */
  #expected = false;

  constructor(launch: Launch, log: Log, onMessage: (message: Message) => void) {
    this.#log = (line) => log(`[${launch.name}] ${line}`);
    this.#errors = new ErrorOutput(this.#log);
    const { command, args, env, directory } = launch;
    // A process group of its own: `npx` and `uvx` start the server as a child of theirs, which must go with them.
    this.#process = spawn(command, args, { cwd: directory, env, detached: true });
    this.started = new Promise((resolve, reject) => {
      this.#process.once('spawn', resolve).on('error', (error: NodeJS.ErrnoException) => {
        this.#expected = true;
        reject(new Error(`cannot start ${command}: ${wordsFor(error)}`));
      });
    });
    this.started.catch(() => {});
    this.ended = new Promise((resolve) => this.#process.once('close', (code, signal) => resolve(this.#end(code, signal))));

    const { stdin, stdout, stderr } = this.#process;
    this.firstSign = new Promise((resolve) => {
      for (const stream of [stdout, stderr]) stream.once('data', () => resolve()).once('close', resolve);
    });
    // It ends by itself, or is ended, when it no longer reads.
    stdin.on('error', () => {});
    const tooLong = () => this.#kill(`wrote a line of more than ${MAX_LINE_BYTES} bytes`);
    stdout.on('data', splitLines(MAX_LINE_BYTES, (line) => this.#read(line, onMessage), tooLong));
    // A server that closes its output wants to end (2026-07-28, stdio, "Shutdown").
    stdout.once('end', () => this.#after(LAST_OUTPUT, () => void this.stop(LAST_OUTPUT)));
    stderr.setEncoding('utf8').on('data', (text: string) => this.#errors.add(text));
    this.#process.once('exit', () => {
      // What it leaves behind would hold its memory and its output.
      this.#signal('SIGKILL');
      this.#after(LAST_OUTPUT, () => [stdout, stderr].forEach((stream) => stream.destroy()));
    });
  }

  send(message: Message): void {
    const { stdin } = this.#process;
    if (!stdin.writable) return;
    stdin.write(`${JSON.stringify(message)}\n`);
    if (stdin.writableLength > MAX_UNREAD_BYTES) this.#kill(`left ${stdin.writableLength} bytes unread`);
  }

  /** Closes its input, which tells a server to end; then SIGTERM, then SIGKILL, each after `patience` milliseconds. */
  async stop(patience: number): Promise<void> {
    if (this.hasEnded) return;
    this.#expected = true;
    this.#process.stdin.end();
    this.#after(patience, () => this.#signal('SIGTERM'));
    this.#after(2 * patience, () => this.#signal('SIGKILL'));
    await this.ended;
  }

  #read(line: string, onMessage: (message: Message) => void): void {
    // The rest of what was read together with the line that it was killed for.
    if (this.#process.stdout.destroyed) return;
    try {
      const messages = messagesIn(line);
      for (const message of messages) onMessage(message);
      if (messages.length === 0) this.#errors.add(`(not JSON-RPC, on its standard output) ${line.slice(0, 500)}\n`);
    } catch (error) {
      // Thrown further it would end the supervisor, and with it the servers of all other users.
      this.#kill(`wrote a message that cannot be handled: ${(error as Error).message}`);
    }
  }

  #kill(reason: string): void {
    this.#log(`killed: it ${reason}`);
    this.#process.stdout.destroy();
    this.#signal('SIGKILL');
  }

  /** To all of its process group. */
  #signal(signal: NodeJS.Signals): void {
    try {
      if (this.#process.pid !== undefined) process.kill(-this.#process.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  #after(milliseconds: number, action: () => void): void {
    this.#timers.push(setTimeout(action, milliseconds));
  }

  #end(code: number | null, signal: NodeJS.Signals | null): string | undefined {
    this.hasEnded = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#errors.end();
    if (this.#expected) return undefined;
    return `${signal ? `killed by ${signal}` : `exit code ${code}`}; ${this.#errors.last || 'nothing on its error output'}`;
  }
}

/** Servers of 2025-03-26 may write batches. @throws RangeError */
function messagesIn(line: string): Message[] {
  try {
    const value = parse(line);
    return (Array.isArray(value) ? value : [value]).filter(isMessage);
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

function wordsFor(error: NodeJS.ErrnoException): string {
  return { ENOENT: 'not found', EACCES: 'not executable' }[error.code ?? ''] ?? error.code ?? error.message;
}
