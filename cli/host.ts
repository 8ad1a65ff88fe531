import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { askEngine, containerOnPort, engineDirectory, frontRuns } from './docker.ts';
import type { EngineFacts } from './engine-setup.ts';
import { CommandError } from './errors.ts';
import { type Daemon, freeBytes, hasApt, initSystem, run, startDaemon, which } from './machine.ts';
import { isTaken, processOnPort } from './ports.ts';
import { projectDirectory } from './stack-file.ts';

/** What preparing needs to know of a machine and may do to it. Tests give one that only remembers. */
export interface Host {
  engineFacts(): Promise<EngineFacts>;
  has(program: string): Promise<boolean>;
  frontRuns(stack: string): Promise<boolean>;
  /** Who listens on a port, in words; undefined where it is free. */
  holderOf(port: number, engineAnswers: boolean): Promise<string | undefined>;
  /** Free bytes where the engine keeps its data; undefined where that is another machine. */
  freeBytes(): Promise<number | undefined>;
  install(packages: readonly string[], options: InstallOptions): Promise<void>;
  /** Starts the engine and waits until it answers. Without a command, by hand. */
  startEngine(command: readonly string[] | undefined): Promise<void>;
}

export interface InstallOptions {
  /** Packages that are installed where the distribution has them. */
  optional?: readonly string[];
  onLine: (line: string) => void;
}

/** How long a started engine may take until it answers, in milliseconds. */
const START_TIMEOUT = 30_000;
/** How much of the log of an engine that did not start is worth showing. */
const LOG_LINES = 3;
const ENGINE_LOG = join(projectDirectory, '.drawbridge', 'dockerd.log');

/** This machine. */
export const thisHost: Host = {
  async engineFacts() {
    const [answer, cli, daemon] = await Promise.all([askEngine(), which('docker'), which('dockerd')]);
    return {
      answer,
      dockerHost: process.env.DOCKER_HOST,
      cli: cli !== undefined,
      daemon: daemon !== undefined,
      root: process.getuid?.() === 0,
      apt: hasApt(),
      init: initSystem(),
    };
  },
  has: async (program) => (await which(program)) !== undefined,
  frontRuns,
  async holderOf(port, engineAnswers) {
    if (!(await isTaken(port))) return undefined;
    const container = engineAnswers ? await containerOnPort(port) : undefined;
    return container ? `the container ${container}` : (processOnPort(port) ?? 'another program');
  },
  async freeBytes() {
    const remote = /^(tcp|ssh|https?):/.test(process.env.DOCKER_HOST ?? '');
    return remote ? undefined : freeBytes(await engineDirectory());
  },
  async install(packages, { optional = [], onLine }) {
    const options = { onLine, env: { DEBIAN_FRONTEND: 'noninteractive' } };
    await run(['apt-get', 'update'], options);
    const known = await Promise.all(optional.map((name) => run(['apt-cache', 'show', name]).then(() => [name], () => [])));
    await run(['apt-get', 'install', '-y', '--no-install-recommends', ...packages, ...known.flat()], options);
  },
  async startEngine(command) {
    // Installing the package may have started it already.
    if ((await askEngine()) === 'yes') return;
    let daemon: Daemon | undefined;
    if (command) await run(command);
    else daemon = startDaemon('dockerd', ENGINE_LOG);
    const deadline = performance.now() + START_TIMEOUT;
    while ((await askEngine()) !== 'yes') {
      const gone = daemon?.ended();
      if (gone || performance.now() > deadline) throw notStarted(gone ? 'ended again' : `did not answer within ${START_TIMEOUT / 1000} s`, command === undefined);
      await sleep(250);
    }
  },
};

function notStarted(what: string, byHand: boolean): CommandError {
  if (!byHand) return new CommandError(`The Docker engine was started and ${what}.`, ['Its log says why: journalctl -u docker, or /var/log/docker.log']);
  const log = existsSync(ENGINE_LOG) ? readFileSync(ENGINE_LOG, 'utf8').trimEnd().split('\n').slice(-LOG_LINES) : [];
  return new CommandError([`The Docker engine was started and ${what}. Its last words:`, ...log].join('\n'), [
    `All of them are in ${ENGINE_LOG}.`,
    'In a container it needs one that is privileged; or hand in the engine of the host by DOCKER_HOST.',
  ]);
}
