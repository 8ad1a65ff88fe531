import type { EngineAnswer } from './docker.ts';
import { CommandError } from './errors.ts';
import type { Init } from './machine.ts';

/** What is known about a machine before anything is done to it. */
export interface EngineFacts {
  answer: EngineAnswer;
  /** DOCKER_HOST, where it is set. */
  dockerHost?: string;
  /** Whether the programs are there. */
  cli: boolean;
  daemon: boolean;
  root: boolean;
  apt: boolean;
  init: Init;
}

/** One thing to do: `describe` tells it to a person before it is done. */
export type SetupStep =
  | { kind: 'install'; describe: string }
  | { kind: 'start'; describe: string; /** Without one, the daemon is started by hand. */ command?: string[] };

const DEFAULT_SOCKET = 'unix:///var/run/docker.sock';

/**
 * What has to be done until a Docker engine and its command-line client are there. Nothing, on a machine that has them.
 * @throws CommandError where only the user can do it, with the commands
 */
export function planEngine(facts: EngineFacts): SetupStep[] {
  const { answer, cli, daemon, root, dockerHost } = facts;
  const elsewhere = dockerHost !== undefined && dockerHost !== '' && dockerHost !== DEFAULT_SOCKET;
  if (answer === 'denied') throw new CommandError('A Docker engine runs here, but this user may not use it (permission denied on its socket).', [
    'Join its group, which is as good as being root, and sign in again: sudo usermod -aG docker "$USER"',
    'Or run this command as root.',
  ]);
  if (answer === 'yes') return cli ? [] : installation(facts, 'The Docker engine runs, but its command-line client `docker` is missing.');
  if (elsewhere) throw new CommandError(`No Docker engine answers at ${dockerHost}, which DOCKER_HOST names.`, ['Start it, or unset DOCKER_HOST to use this machine’s own.']);
  if (!daemon) return [...installation(facts, 'No Docker engine is installed.'), start(facts)];
  if (!root) throw new CommandError('The Docker engine is installed but does not run, and only root can start it.', [
    `Start it: sudo ${(startCommand(facts.init) ?? ['dockerd']).join(' ')}`,
    'Let this user use it, then sign in again: sudo usermod -aG docker "$USER"',
    'An engine that listens elsewhere (rootless, Docker Desktop) is named by DOCKER_HOST.',
  ]);
  return [...(cli ? [] : installation(facts, 'The command-line client `docker` is missing.')), start(facts)];
}

function installation({ root, apt, init }: EngineFacts, problem: string): SetupStep[] {
  if (!apt) throw new CommandError(problem, ['Install it as https://docs.docker.com/engine/install/ says, and run this again.']);
  if (!root) throw new CommandError(`${problem} Only root can install it.`, [
    'sudo apt-get update',
    // Where the client is a package of its own, docker.io recommends it: here that is wanted.
    'sudo apt-get install docker.io iptables',
    `sudo ${(startCommand(init) ?? ['dockerd']).join(' ')}`,
    'sudo usermod -aG docker "$USER"   (then sign in again)',
  ]);
  return [{ kind: 'install', describe: 'install the Docker engine with apt-get (docker.io, iptables, and docker-cli where that is apart)' }];
}

function start({ init }: EngineFacts): SetupStep {
  const command = startCommand(init);
  return { kind: 'start', describe: `start the Docker engine (${command?.join(' ') ?? 'dockerd by hand: no init manages services here'})`, command };
}

function startCommand(init: Init): string[] | undefined {
  if (init === 'systemd') return ['systemctl', 'start', 'docker'];
  return init === 'sysv' ? ['service', 'docker', 'start'] : undefined;
}
