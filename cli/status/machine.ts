import type Docker from 'dockerode';
import type { Container, ContainerInspectInfo } from 'dockerode';
import { connect, type EngineAddress } from '../docker.ts';
import { type Executed, execute, streamsOf } from '../execute.ts';
import { roleOf, stackLabel } from '../stack-name.ts';
import type { ContainerFacts, MachineFacts } from './facts.ts';

/** A machine, and how to ask the containers of the stack that run there. */
export interface Looked extends MachineFacts {
  /** Undefined where there is no such container, or it does not run. */
  run(role: string, command: string[]): Promise<Executed | undefined>;
  /** The end of a container's log; empty where there is no such container. */
  log(role: string): Promise<string>;
}

/** What a stack has on one machine. Changes nothing. */
export async function lookAtMachine(stack: string, engine: EngineAddress): Promise<Looked> {
  const machine = engine ?? 'local';
  const nothing = { machine, missing: [], containers: [], volumes: [] };
  try {
    const docker = await connect(engine);
    const [{ Version }, listed, tags] = await Promise.all([docker.version(), docker.listContainers({ all: true, filters: { label: [stackLabel(stack)] } }), tagsOf(docker)]);
    const containers = await Promise.all(listed.map(({ Id }) => lookAtContainer(stack, docker.getContainer(Id), tags)));
    const nameOf = (role: string) => containers.find((each) => each.role === role)!.name;
    const run = async (role: string, command: string[]) => (containers.some((each) => each.role === role && each.state === 'running') ? execute(docker.getContainer(nameOf(role)), command) : undefined);
    const log = async (role: string) =>
      containers.some((each) => each.role === role) ? streamsOf(await docker.getContainer(nameOf(role)).logs({ stdout: true, stderr: true, tail: 20 })).stdout : '';
    const [running] = containers.filter(({ state, role }) => state === 'running' && ['front', 'server'].includes(role));
    const [disk, volumes] = await Promise.all([running && run(running.role, ['df', '-Pk', '/']), volumesOf(stack, docker)]);
    return { ...nothing, docker: Version, containers: containers.sort((one, other) => one.role.localeCompare(other.role)), volumes, ...diskOf(disk), run, log };
  } catch (error) {
    return { ...nothing, unreachable: meaning(error as NodeJS.ErrnoException), run: async () => undefined, log: async () => '' };
  }
}

/** ssh's own words say more already. */
function meaning({ code = '', message }: NodeJS.ErrnoException): string {
  if (code === 'EACCES') return 'its Docker engine does not let this user in: `sudo usermod -aG docker "$USER"`, and sign in again';
  return ['ENOENT', 'ECONNREFUSED'].includes(code) ? 'no Docker engine answers: `sudo systemctl start docker` starts it' : message;
}

/** Id of an image → its name. */
async function tagsOf(docker: Docker): Promise<Map<string, string>> {
  const images = await docker.listImages();
  return new Map(images.flatMap(({ Id, RepoTags, RepoDigests }) => [...(RepoTags ?? []), ...(RepoDigests ?? [])].slice(0, 1).map((name) => [Id, name] as const)));
}

async function lookAtContainer(stack: string, container: Container, tags: ReadonlyMap<string, string>): Promise<ContainerFacts> {
  const found = await container.inspect();
  const memory = found.State.Running ? await memoryOf(container) : undefined;
  return { ...describeContainer(stack, found, tags.get(found.Image) ?? found.Image), ...(memory && { memory }) };
}

export function describeContainer(stack: string, { Name, State, RestartCount, HostConfig }: ContainerInspectInfo, image: string): ContainerFacts {
  const name = Name.slice(1);
  const { Status: state, Health, ExitCode, StartedAt, FinishedAt } = State;
  const check = Health?.Log?.at(-1);
  return {
    role: roleOf(stack, name),
    name,
    image,
    state,
    since: state === 'running' || state === 'created' ? StartedAt : FinishedAt,
    restarts: RestartCount,
    comesBack: ['always', 'unless-stopped'].includes(HostConfig.RestartPolicy?.Name ?? ''),
    ...(Health && state === 'running' && { health: Health.Status as ContainerFacts['health'] }),
    ...(check?.ExitCode && check.Output.trim() !== '' && { said: check.Output.trim().split('\n').at(-1)! }),
    ...(state === 'exited' && { exitCode: ExitCode }),
    ...logLimitOf(HostConfig.LogConfig),
  };
}

/** What json-file keeps at most: so many files, each so large. */
function logLimitOf({ Type, Config }: { Type: string; Config?: Record<string, string> } = { Type: 'unknown' }): { logLimit?: number } {
  if (Type === 'none') return { logLimit: 0 };
  const [, size, unit] = /^(\d+)([kmg]?)$/i.exec(Config?.['max-size'] ?? '') ?? [];
  if (size === undefined) return {};
  return { logLimit: Number(size) * { '': 1, k: 1e3, m: 1e6, g: 1e9 }[unit!.toLowerCase() as 'k']! * Number(Config?.['max-file'] ?? 1) };
}

/** As `docker stats` counts it: without the file cache, which the kernel takes back when it needs it. */
async function memoryOf(container: Container): Promise<ContainerFacts['memory']> {
  const { memory_stats: memory } = await container.stats({ stream: false, 'one-shot': true });
  if (memory?.usage === undefined) return undefined;
  return { used: memory.usage - (memory.stats?.inactive_file ?? 0), limit: memory.limit };
}

async function volumesOf(stack: string, docker: Docker): Promise<MachineFacts['volumes']> {
  const { Volumes } = (await docker.df()) as { Volumes?: { Name: string; Labels?: Record<string, string>; UsageData?: { Size: number } }[] | null };
  const [label, value] = stackLabel(stack).split('=') as [string, string];
  return (Volumes ?? []).filter(({ Labels }) => Labels?.[label] === value).map(({ Name, UsageData }) => ({ name: Name, bytes: UsageData?.Size ?? 0 }));
}

/** The root of a container is on the disk where Docker keeps its data, wherever that is. */
function diskOf(df: Executed | undefined): Pick<MachineFacts, 'disk'> {
  const [, total, , free] = df?.stdout.trim().split('\n').at(-1)?.trim().split(/\s+/) ?? [];
  return total && free ? { disk: { free: Number(free) * 1024, total: Number(total) * 1024 } } : {};
}
