import { CommandError } from './errors.ts';
import { objectName, stackLabel } from './stack-name.ts';

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

/** A connection to the engine that DOCKER_HOST names, or else to the default socket. */
export async function connect() {
  // Loaded late: `--help` and `check-config` need no engine.
  const { default: Docker } = await import('dockerode');
  return new Docker();
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
    // A daemon that ends, or is still starting, drops connections.
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ECONNRESET') return 'no';
    const cause = name === 'AbortError' || name === 'TimeoutError' ? `no answer in ${PING_TIMEOUT / 1000} s` : (code ?? statusCode ?? message);
    throw new CommandError(`The Docker engine does not answer as it should: ${cause}.`, ['Look at its log (`journalctl -u docker`), restart it, and run this again.']);
  }
}

/** Whether the stack's front runs: then the ports it publishes are taken by nobody else. */
export async function frontRuns(stack: string): Promise<boolean> {
  const docker = await connect();
  try {
    return (await docker.getContainer(objectName(stack, 'front')).inspect()).State.Running;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return false;
    throw error;
  }
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

/** Everything that carries the stack's label or, for images, its name. */
export async function listStack(stack: string): Promise<Inventory> {
  const docker = await connect();
  const filters = { label: [stackLabel(stack)] };
  const [containers, networks, { Volumes: volumes }, images] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listNetworks({ filters }),
    docker.listVolumes({ filters }),
    docker.listImages({ filters: { reference: [`drawbridge.local/${stack}/*`] } }),
  ]);
  return {
    containers: containers.map(({ Names, Id }) => Names[0]?.slice(1) ?? Id).sort(),
    networks: networks.map(({ Name }) => Name).sort(),
    volumes: (volumes ?? []).map(({ Name }) => Name).sort(),
    images: images.flatMap(({ RepoTags }) => RepoTags ?? []).sort(),
  };
}
