import { spawn } from 'node:child_process';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { quote } from '../../host/shell.ts';
import { explainSsh, parseTarget, sshArguments } from '../../host/ssh.ts';
import type { EngineAddress } from '../docker.ts';
import { CommandError } from '../errors.ts';

/** A container, and the engine that it is on. */
export interface Place {
  readonly engine: EngineAddress;
  readonly container: string;
}

/** How much of a failed program's words is worth showing, in lines. */
const TAIL = 5;

/** On another machine it is the docker there, by the user's own ssh: nothing but ssh is needed here, and nothing asks. */
async function start(engine: EngineAddress, args: readonly string[]) {
  const ssh = engine === undefined ? undefined : parseTarget(engine);
  const running = await (ssh ? apart('ssh', sshArguments(ssh, ['docker', ...args].map(quote).join(' '))) : apart('docker', args));
  return { ...running, explain: (said: string) => ssh && explainSsh(ssh, said) };
}

/** Runs a program in a session of its own: a Ctrl-C is ours to heed, at a good moment. */
async function apart(program: string, args: readonly string[]) {
  for (;;) {
    const child = spawn('sh', ['-c', 'echo begun >&3; exec "$@" 3>&-', 'sh', program, ...args], { stdio: ['pipe', 'pipe', 'pipe', 'pipe'], detached: true });
    // Kept for whoever reads them later: what a child that ends has printed is thrown away otherwise.
    const [stdout, stderr] = [child.stdout.pipe(new PassThrough()), child.stderr.pipe(new PassThrough())];
    const ended = new Promise<number | string>((resolve) => {
      child.on('error', (error) => resolve(error.message));
      child.on('exit', (code, signal) => resolve(code ?? signal ?? 'killed'));
    });
    child.stdin.on('error', () => {});
    // A Ctrl-C that comes between fork and setsid still hits the child, and ends it before it has begun.
    const interrupted = (await text(child.stdio[3] as Readable)) === '' && (await ended) === 'SIGINT';
    if (!interrupted) return { child, stdout, stderr, ended };
  }
}

/**
 * Runs `docker …` to its end, with `input` on its standard input. What it prints goes to `read`, no faster than that reads.
 * @throws CommandError with its last words
 */
export async function docker<T>(engine: EngineAddress, args: readonly string[], read: (stdout: Readable) => Promise<T>, input?: string | AsyncIterable<Uint8Array>): Promise<T> {
  const { child, stdout, stderr, ended, explain } = await start(engine, args);
  // Of a program that ends before it has read everything, its own words say why.
  const fed = (typeof input === 'object' ? pipeline(input, child.stdin) : Promise.resolve(child.stdin.end(input))).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  });
  try {
    const [result, words, code] = await Promise.all([read(stdout), text(stderr), ended, fed]);
    if (code === 0) return result;
    const why = code === 255 ? explain(words) : undefined;
    throw new CommandError(why ? `${engine}: ${why}.` : [`\`docker ${args.slice(0, 2).join(' ')}\` failed (${code})${engine ? ` on ${engine}` : ''}.`, ...words.trim().split('\n').slice(-TAIL)].join('\n'));
  } catch (error) {
    child.kill();
    throw error;
  }
}

/** What `docker …` prints. */
export const dockerText = async (engine: EngineAddress, args: readonly string[], input?: string | AsyncIterable<Uint8Array>): Promise<string> => (await docker(engine, args, text, input)).trim();

/** What `docker …` prints, as it prints it. @throws CommandError at its end, where it failed */
export async function* dockerStream(engine: EngineAddress, args: readonly string[]): AsyncGenerator<Uint8Array> {
  const { promise: opened, resolve: open } = Promise.withResolvers<Readable>();
  const { promise: consumed, resolve: close } = Promise.withResolvers<void>();
  const running = docker(engine, args, (stdout) => {
    open(stdout);
    return consumed;
  });
  running.catch(() => {});
  try {
    yield* (await opened) as AsyncIterable<Uint8Array>;
  } finally {
    close();
  }
  await running;
}

/** Ends with the signal's reason once that is aborted. */
export async function* until(signal: AbortSignal, stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    signal.throwIfAborted();
    yield chunk;
  }
  signal.throwIfAborted();
}
