import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { projectDirectory } from '../../cli/stack-file.ts';

/** Runs one of the project's commands, and kills it with SIGKILL at the first line that it says that matches. @throws Error where it ended before */
export async function killedCommand(args: readonly string[], at: RegExp): Promise<void> {
  const child = spawn(process.execPath, ['cli/launch.js', ...args], { cwd: projectDirectory, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<NodeJS.Signals | null>((done) => child.once('close', (_, signal) => done(signal)));
  for await (const line of createInterface({ input: child.stdout })) if (at.test(line)) child.kill('SIGKILL');
  if ((await ended) !== 'SIGKILL') throw new Error(`${args.join(' ')} ended before it was killed`);
}
