import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { thisHost } from './host.ts';
import { prepare } from './prepare.ts';
import { projectDirectory } from './stack-file.ts';
import { createTerminal } from './terminal.ts';

export interface TestOptions {
  /** Only the end-to-end tests, against a stack that the real Pulumi CLI stands up. */
  cli?: boolean;
  yes?: boolean;
}

const bin = (name: string) => join(projectDirectory, 'node_modules', '.bin', name);

/**
 * Runs the checks of the code, prepares the machine, and runs the tests. The last line is `N passed, N failed`.
 * @param args handed on to vitest: filters, `--project unit`, `-t name`
 * @returns the exit code
 */
export async function test(args: readonly string[], { cli = false, yes }: TestOptions): Promise<0 | 1> {
  const terminal = createTerminal({ yes });
  if (cli && !(await thisHost.has('pulumi'))) {
    terminal.say('skipped: no pulumi on the PATH');
    return 0;
  }
  const selection = [...args, ...defaultProjects(args, cli)];
  if (!cli && args.length === 0) {
    for (const [command, ...rest] of [['tsc'], ['eslint', '.']] as const) {
      terminal.say(`${[command, ...rest].join(' ')} …`);
      if (!(await succeeds(bin(command), rest))) {
        terminal.say(`\`${[command, ...rest].join(' ')}\` found problems (above); no test was run.`);
        terminal.say('0 passed, 1 failed');
        return 1;
      }
    }
  }
  // CHROMIUM names a browser of the user's own.
  if (needsEngine(selection)) await prepare({ terminal, browser: process.env.CHROMIUM === undefined });
  const reporters = ['--reporter', 'default', '--reporter', join(projectDirectory, 'test/support/closing-line.ts')];
  return (await succeeds(bin('vitest'), ['run', ...selection, ...reporters])) ? 0 : 1;
}

/** Which of vitest's projects run where the caller names none. */
export function defaultProjects(args: readonly string[], cli: boolean): string[] {
  if (projectsIn(args).length > 0) return [];
  return (cli ? ['cli'] : ['unit', 'deployed']).flatMap((name) => ['--project', name]);
}

/** Unit tests need neither engine nor browser. */
export const needsEngine = (args: readonly string[]): boolean => projectsIn(args).some((name) => name !== 'unit');

function projectsIn(args: readonly string[]): string[] {
  return args.flatMap((arg, index) => (arg.startsWith('--project=') ? [arg.slice('--project='.length)] : arg === '--project' ? [args[index + 1] ?? ''] : []));
}

async function succeeds(program: string, args: readonly string[]): Promise<boolean> {
  const child = spawn(program, args, { cwd: projectDirectory, stdio: 'inherit' });
  // Ctrl-C reaches the child from the terminal; this process stays to see it end.
  const stay = () => undefined;
  const terminate = () => void child.kill('SIGTERM');
  process.on('SIGINT', stay).on('SIGTERM', terminate);
  try {
    return await new Promise<boolean>((resolve, reject) => child.on('error', reject).on('exit', (code) => resolve(code === 0)));
  } finally {
    process.off('SIGINT', stay).off('SIGTERM', terminate);
  }
}
