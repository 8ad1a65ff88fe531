import { CommandError } from './errors.ts';
import { roleOf, stackLabel } from './stack-name.ts';

/** The Docker engine of a machine, as DOCKER_HOST; undefined: the one that DOCKER_HOST names, or else the default socket’s. */
export type EngineAddress = string | undefined;

/** How a person calls the docker program for an engine. */
export const dockerWords = (engine: EngineAddress): string => (engine === undefined ? 'docker' : `docker --host ${engine}`);

/** What answers where the Docker engine should be: `denied` is an engine that this user may not talk to. */
export type EngineAnswer = 'yes' | 'denied' | 'no';

/** What a stack left on the engine, as names. */
export interface Inventory {
  containers: string[];
  networks: string[];
  volumes: string[];
  images: string[];
}

/** Longer than any engine needs to say that it is there, in milliseconds. */
const PING_TIMEOUT = 10_000;

export async function connect(address?: EngineAddress) {
  // Loaded late: `--help` and `check-config` need no engine.
  const [{ default: Docker }, { dockerOptions }] = await Promise.all([import('dockerode'), import('../host/docker.ts')]);
  return new Docker(dockerOptions(address));
}

/** @throws CommandError where something listens and does not answer */
export async function askEngine(): Promise<EngineAnswer> {
  const docker = await connect();
  try {
    // The types do not know that a ping takes options.
    await docker.ping({ abortSignal: AbortSignal.timeout(PING_TIMEOUT) } as never);
    return 'yes';
  } catch (error) {
    const { code, name, statusCode, message } = error as NodeJS.ErrnoException & { statusCode?: number };
    if (code === 'EACCES' || code === 'EPERM') return 'denied';
    // ssh's own words say more.
    if (code === 'ESSH') throw error;
    // A daemon that ends, or is still starting, drops connections.
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ECONNRESET') return 'no';
    const cause = name === 'AbortError' || name === 'TimeoutError' ? `no answer in ${PING_TIMEOUT / 1000} s` : (code ?? statusCode ?? message);
    throw new CommandError(`The Docker engine does not answer as it should: ${cause}.`, ['Look at its log (`journalctl -u docker`), restart it, and run this again.']);
  }
}

/** Whether the stack's front runs, wherever it stands: then its ports are taken by nobody else. */
export async function frontRuns(stack: string): Promise<boolean> {
  const running = await (await connect()).listContainers({ filters: { label: [stackLabel(stack)] } });
  return running.some(({ Names }) => roleOf(stack, Names[0]!.slice(1)) === 'front');
}

/** Name of the container that publishes a port, if one does. */
export async function containerOnPort(port: number): Promise<string | undefined> {
  const containers = await (await connect()).listContainers();
  return containers.find(({ Ports }) => Ports.some(({ PublicPort }) => PublicPort === port))?.Names[0]?.slice(1);
}

/** Where the engine keeps images and volumes, as a path on its machine. */
export async function engineDirectory(): Promise<string> {
  const info = (await (await connect()).info()) as { DockerRootDir: string };
  return info.DockerRootDir;
}

/** Everything that carries the stack's label or, for images, its name, on all of its machines. */
export async function listStack(stack: string, engines: readonly EngineAddress[]): Promise<Inventory> {
  const found = await Promise.all(engines.map((engine) => listOn(engine, stack)));
  const merged = (kind: keyof Inventory) => [...new Set(found.flatMap((inventory) => inventory[kind]))].sort();
  return { containers: merged('containers'), networks: merged('networks'), volumes: merged('volumes'), images: merged('images') };
}

async function listOn(engine: EngineAddress, stack: string): Promise<Inventory> {
  const docker = await connect(engine);
  const filters = { label: [stackLabel(stack)] };
  const [containers, networks, { Volumes: volumes }, images] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listNetworks({ filters }),
    docker.listVolumes({ filters }),
    docker.listImages({ filters: { reference: [`drawbridge.local/${stack}/*`] } }),
  ]);
  return {
    containers: containers.map(({ Names, Id }) => Names[0]?.slice(1) ?? Id),
    networks: networks.map(({ Name }) => Name),
    volumes: (volumes ?? []).map(({ Name }) => Name),
    images: images.flatMap(({ RepoTags }) => RepoTags ?? []),
  };
}
