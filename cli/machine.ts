import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { access, constants, statfs } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { CommandError } from './errors.ts';

/** Who starts services here: `none` in most containers. */
export type Init = 'systemd' | 'sysv' | 'none';

/** Path of a program, as the shell would find it; sbin is looked at too, since a user's PATH often lacks it. */
export async function which(program: string): Promise<string | undefined> {
  for (const directory of [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']) {
    const path = join(directory, program);
    if (directory && (await access(path, constants.X_OK).then(() => true, () => false))) return path;
  }
  return undefined;
}

export function initSystem(): Init {
  if (existsSync('/run/systemd/system')) return 'systemd';
  try {
    return /^(init|openrc-init)$/.test(readFileSync('/proc/1/comm', 'utf8').trim()) ? 'sysv' : 'none';
  } catch {
    return 'none';
  }
}

/** Whether packages come from Debian's package manager. */
export const hasApt = () => existsSync('/etc/debian_version') && existsSync('/usr/bin/apt-get');

/** Free bytes for a user at the nearest folder that exists. */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(existsSync(path) ? path : dirname(path));
  return bavail * bsize;
}

export interface RunOptions {
  /** Called with each line that the program writes. */
  onLine?: (line: string) => void;
  env?: Record<string, string>;
}

/** How much of a failed program's output is worth showing, in lines. */
const TAIL = 20;

/**
 * Runs a program to its end.
 * @throws CommandError with the last lines it wrote
 */
export async function run(command: readonly string[], { onLine, env }: RunOptions = {}): Promise<void> {
  const [program = '', ...args] = command;
  const tail: string[] = [];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split(/\r?\n|\r/);
      rest = lines.pop() ?? '';
      for (const line of lines) {
        tail.push(line);
        if (tail.length > TAIL) tail.shift();
        onLine?.(line);
      }
    });
  }
  const code = await new Promise<number | string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (status, signal) => resolve(status ?? signal ?? 'killed'));
  });
  if (code !== 0) throw new CommandError([`\`${command.join(' ')}\` failed (${code}).`, ...tail].join('\n'));
}

/** A program that goes on after this process ends. */
export interface Daemon {
  /** True once it has ended, which it should not. */
  ended(): boolean;
}

/** Starts a daemon in a session of its own, so that no Ctrl-C of ours reaches it. */
export function startDaemon(program: string, logFile: string): Daemon {
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(program, [], { detached: true, stdio: ['ignore', log, log], cwd: '/' });
  closeSync(log);
  let ended = false;
  child.on('exit', () => (ended = true));
  child.on('error', () => (ended = true));
  child.unref();
  return { ended: () => ended };
}
