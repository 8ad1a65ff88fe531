import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { plain } from './plain.ts';
import { explainSsh, parseTarget, sshArguments } from './ssh.ts';

/** What a script printed, and how it ended. */
export interface ShellResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A machine that cannot be reached, or on which a script failed. The message says what to do. */
export class HostError extends Error {
  constructor(message: string) {
    super(plain(message));
    this.name = 'HostError';
  }
}

export interface ShellOptions {
  /** As root: through `sudo -n` where the user is not root, so that nothing ever waits for a password. */
  readonly root?: boolean;
}

/** ssh's own failures, as opposed to the script's. */
const SSH_FAILED = 255;

const AS_ROOT = 'if [ "$(id -u)" -eq 0 ]; then exec sh -s; else exec sudo -n -- sh -s; fi';

/**
 * Runs a POSIX sh script on a machine to its end. The script goes by standard input: arguments can be read by every user there.
 * @param target `local` or `ssh://user@host[:port]`
 * @throws HostError where the machine cannot be reached, or root is asked for and sudo would want a password
 */
export async function runScript(target: string, script: string, { root = false }: ShellOptions = {}): Promise<ShellResult> {
  const ssh = parseTarget(target);
  const shell = root ? AS_ROOT : 'exec sh -s';
  const child = ssh ? spawn('ssh', sshArguments(ssh, shell)) : spawn('sh', ['-c', shell]);
  // As one command, which sh reads to its end before it begins: of a script that is cut off on its way nothing is run, and no program in
  // it takes the rest for its own input. It may end before it is read, where sh is not to be had.
  child.stdin.on('error', () => {}).end(`{\n${script}\n}\n`);
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => reject(error.code === 'ENOENT' ? new HostError('There is no program `ssh` here: install OpenSSH’s client.') : error));
    child.once('close', (code) => resolve(code ?? 1));
  });
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (ssh && code === SSH_FAILED) throw new HostError(`${target}: ${explainSsh(ssh, stderr) ?? `ssh failed: ${stderr.trim()}`}.`);
  if (root && code !== 0 && /sudo: (a password is required|a terminal is required|command not found)|sudo: not found|is not in the sudoers file|may not run sudo/.test(stderr))
    throw new HostError(`${target}: this needs root, and ${ssh?.user ?? 'this user'} may not use sudo without a password. Sign in as root, or allow it: \`visudo -f /etc/sudoers.d/drawbridge\` with \`${ssh?.user ?? 'USER'} ALL=(ALL) NOPASSWD: ALL\`.`);
  return { code, stdout, stderr };
}

/** A word that sh takes as it is. */
export const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
