import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { thisHost } from './host.ts';
import { prepare } from './prepare.ts';
import { projectDirectory } from './stack-file.ts';
import { createTerminal } from './terminal.ts';
import type { Counts } from '../test/support/counts.ts';

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
  const root = process.getuid?.() === 0;
  const runs = runsOf(args, cli, root);
  if (!root && projectsIn(args).length === 0) terminal.say('skipped: tests on hosts and behind a tunnel, which make machines of their own: that needs root (`sudo npm test`)');
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
  if (runs.some(needsEngine)) await prepare({ terminal, browser: process.env.CHROMIUM === undefined });
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-tests-'));
  try {
    const succeeded = await sideBySide(runs, folder);
    const counts = runs.map((_, index) => countsIn(join(folder, `${index}.counts`)));
    for (const each of counts.flatMap(({ repeated }) => repeated)) console.log(`Passed only when it was repeated: ${each}`);
    for (const each of counts.flatMap(({ broken }) => broken)) console.log(`Failed: ${each}`);
    const total = (key: 'passed' | 'failed') => counts.reduce((sum, each) => sum + each[key], 0);
    console.log(`${total('passed')} passed, ${total('failed')} failed`);
    return succeeded ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Each a run of vitest: what the second one does has nothing to do with the stack that the tests of the first one share. */
export function runsOf(args: readonly string[], cli: boolean, root: boolean): string[][] {
  if (projectsIn(args).length > 0) return [[...args]];
  // The longest first, so that both of those that go on at once end at about the same time.
  const runs = cli ? [['cli'], root ? ['cli-hosts'] : []] : [['conformance', 'deployed'], ['keycloak', ...(root ? ['hosts'] : [])]];
  const rest = [root ? [cli ? 'cli-tunnel' : 'tunnel'] : [], cli ? [] : ['unit']];
  const projects = (names: readonly string[]) => names.flatMap((name) => ['--project', name]);
  // A filter may leave one of two runs without a test, which would be an error. Tests behind a tunnel are those of `deployed`, once more.
  return args.length > 0 ? [[...args, ...projects([...runs.flat(), ...(cli ? [] : ['unit'])])]] : [...runs, ...rest].filter((names) => names.length > 0).map(projects);
}

/** These need neither engine nor browser. */
const needsNothing = ['unit', 'conformance'];

export const needsEngine = (args: readonly string[]): boolean => projectsIn(args).some((name) => !needsNothing.includes(name));

/** Behind a tunnel a stack has the names and ports of the internet for itself, on a machine apart. */
const vitestFor = (args: readonly string[]): [string, ...string[]] =>
  projectsIn(args).some((name) => name.endsWith('tunnel')) ? [process.execPath, join(projectDirectory, 'test/tunnel/apart.ts'), bin('vitest')] : [bin('vitest')];

function projectsIn(args: readonly string[]): string[] {
  return args.flatMap((arg, index) => (arg.startsWith('--project=') ? [arg.slice('--project='.length)] : arg === '--project' ? [args[index + 1] ?? ''] : []));
}

/** A run that was killed has left none, which is a failure. */
const countsIn = (file: string): Counts => (existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Counts) : { passed: 0, failed: 1, broken: ['a run that was killed'], repeated: [] });

/** Two at a time: more would only be in each other's way. What all but the first print comes at the end, one after the other. Counts go to files in the folder. */
async function sideBySide(runs: readonly string[][], folder: string): Promise<boolean> {
  const reporters = ['--reporter', 'default', '--reporter', join(projectDirectory, 'test/support/counts.ts')];
  const waiting = [...runs.entries()];
  const results: boolean[] = [];
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [index, args] = next;
      const log = index === 0 ? 'inherit' : openSync(join(folder, `${index}.log`), 'w');
      const [program, ...first] = vitestFor(args);
      results.push(await succeeds(program, [...first, 'run', ...args, ...reporters], { COUNTS_FILE: join(folder, `${index}.counts`) }, log));
      if (log !== 'inherit') closeSync(log);
    }
  };
  await Promise.all([work(), work()]);
  for (const index of runs.keys()) if (index > 0) process.stdout.write(readFileSync(join(folder, `${index}.log`)));
  return results.every(Boolean);
}

async function succeeds(program: string, args: readonly string[], environment: Record<string, string> = {}, output: 'inherit' | number = 'inherit'): Promise<boolean> {
  const child = spawn(program, args, { cwd: projectDirectory, env: { ...process.env, ...environment }, stdio: ['inherit', output, output] });
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
