import { execFile } from 'node:child_process';
import { projectDirectory } from '../../cli/stack-file.ts';

export const PASSPHRASE = 'a passphrase for the tests alone';
/** As it is at the call: the lab of test hosts puts an `ssh` of its own on the PATH. */
export const commandEnvironment = () => ({ ...process.env, DRAWBRIDGE_BACKUP_PASSPHRASE: PASSPHRASE });

/** Runs one of the project's commands as its user does, from the project's folder. */
export const npmRun = (...args: string[]) =>
  new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, ['cli/launch.js', ...args], { cwd: projectDirectory, env: commandEnvironment() }, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }));
  });

/** What one that must succeed prints. */
export async function printed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await npmRun(...args);
  if (code !== 0) throw new Error(`${args.join(' ')}: ${String(code)}\n${stderr}`);
  return stdout;
}
