// Runs a command on a machine apart: `apart.ts COMMAND…`. It has this machine's files, and a network, processes and a Docker engine of its own, so
// that a stack can have ports 80 and 443 there, and public names lead to a simulation. All of it ends with the command, or with this process.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../images/command.ts';
import { baseNames, versions } from '../../images/versions.ts';
import { parent, removeOrphans, removeLab } from '../hosts/lab.ts';
import { lendBuilds, lendStandIns } from '../hosts/stand-ins.ts';
import { provideTools } from '../hosts/tools.ts';
import { connectNamespace } from '../hosts/uplink.ts';
import { Authority } from './identity.ts';

class Apart {
  readonly #directory: string;
  readonly #supervisor: ChildProcess;
  #init = '';

  private constructor(directory: string) {
    this.#directory = directory;
    const log = openSync(join(directory, 'console.log'), 'a');
    const isolated = ['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc', join(import.meta.dirname, 'inside/boot.sh'), directory];
    this.#supervisor = spawn('setpriv', ['--pdeathsig', 'KILL', ...isolated], { stdio: ['ignore', log, log] });
  }

  static async boot(directory: string): Promise<Apart> {
    const apart = new Apart(directory);
    const { pid } = apart.#supervisor;
    for (let tenths = 0; tenths < 300 && apart.#supervisor.exitCode === null; tenths += 1, await sleep(100)) {
      apart.#init ||= readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
      if (existsSync(join(directory, 'booted'))) return apart;
    }
    const logs = ['console.log', 'dockerd.log'].map((name) => join(directory, name)).filter(existsSync);
    throw new Error(`The machine apart did not boot:\n${logs.map((log) => readFileSync(log, 'utf8').slice(-2000)).join('\n')}`);
  }

  get network(): string {
    return `/proc/${this.#init}/ns/net`;
  }

  /** Arguments of nsenter with which a command runs there, in this directory. */
  #entering(command: readonly string[]): string[] {
    return ['--target', this.#init, '--mount', '--net', '--pid', 'sh', '-c', 'cd "$0" && exec "$@"', process.cwd(), ...command];
  }

  /** The same for a script. */
  inside(script: string): string[] {
    return this.#entering(['bash', '-euo', 'pipefail', '-c', script]);
  }

  run(script: string): Promise<string> {
    return run('nsenter', this.inside(script));
  }

  /** @returns the exit code of a command that has this process's input and output */
  async execute(command: readonly string[]): Promise<number> {
    // What is there is not asked for in an image registry.
    const child = spawn('nsenter', this.#entering(command), { stdio: 'inherit', env: { ...process.env, MACHINE_APART: this.#directory, DRAWBRIDGE_BASES: 'stand-in' } });
    const [code] = (await once(child, 'exit')) as [number | null];
    return code ?? 1;
  }

  async halt(): Promise<void> {
    if (this.#supervisor.kill('SIGKILL')) await once(this.#supervisor, 'exit');
  }
}

const report = (line: string) => console.error(line);
await provideTools(report);
await removeOrphans();
const directory = join(mkdtempSync(join(parent, `drawbridge-${process.pid}-`)), 'apart');
mkdirSync(directory);
const authority = await Authority.create(join(directory, 'identity'));
const apart = await Apart.boot(directory);
// The command hears of it as well, and ends; what does not is ended with the machine.
const stay = () => undefined;
process.on('SIGINT', stay).on('SIGTERM', () => void apart.halt());
try {
  const disconnect = await connectNamespace(apart.network);
  await lendStandIns(apart, baseNames.filter((name) => versions[name].standIn !== undefined), authority.certificate);
  await lendBuilds(apart);
  process.exitCode = await apart.execute(process.argv.slice(2));
  await disconnect();
} finally {
  await apart.halt();
  await removeLab(process.pid);
}
