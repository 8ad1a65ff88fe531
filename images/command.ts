import { spawn } from 'node:child_process';

/** Takes one line of progress. */
export type Report = (line: string) => void;

export interface CommandOptions {
  readonly cwd?: string;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Gets each line of the error output. Default: kept only for the error message. */
  readonly onLine?: Report;
}

/** Runs a program without a shell and returns its standard output. Fails with the end of its error output. */
export function run(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: options.cwd, env: { ...process.env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-4000);
      for (const line of text.split('\n')) if (line.trim() !== '') options.onLine?.(line);
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${program} ended with ${signal ?? `exit code ${code}`}:\n${errors.trim()}`));
    });
  });
}
