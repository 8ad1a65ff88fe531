import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import type { Project } from './project.ts';
import { EngineError } from './types.ts';

export interface ProgramRun {
  project: Project;
  stack: string;
  /** `host:port` of the monitor and engine services. */
  address: string;
  preview: boolean;
  onLine: (line: string) => void;
  /** Ends the program at once. */
  signal: AbortSignal;
}

/** How many resources the program may register at a time; the engine takes all that are ready. */
const parallel = 64;

/** Runs the Pulumi program, unchanged, through the SDK's own launcher. Resolves to its exit code, or the signal that ended it. */
export function runProgram({ project, stack, address, preview, onLine, signal }: ProgramRun): Promise<number | NodeJS.Signals> {
  const launcher = findLauncher(project);
  const options = {
    monitor: address,
    engine: address,
    organization: 'organization',
    project: project.name,
    'root-directory': project.root,
    stack,
    pwd: project.directory,
    parallel: String(parallel),
  };
  const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  if (preview) flags.push('--dry-run');
  const child = spawn(process.execPath, ['--import', new URL('./plain-errors.ts', import.meta.url).href, launcher, ...flags, project.main], {
    cwd: project.directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PULUMI_CONFIG: JSON.stringify(project.config),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(project.secretKeys),
      // gRPC would go through a proxy of the environment even to loopback.
      no_grpc_proxy: '127.0.0.1',
    },
  });
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine);
  const stop = () => child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, killedBy) => {
      signal.removeEventListener('abort', stop);
      resolve(code ?? killedBy ?? 1);
    });
  });
}

function findLauncher({ directory }: Project): string {
  try {
    return createRequire(`${directory}/`).resolve('@pulumi/pulumi/cmd/run');
  } catch {
    throw new EngineError(`The program in ${directory} has no @pulumi/pulumi. Install the dependencies (npm ci) and run the command again.`);
  }
}
