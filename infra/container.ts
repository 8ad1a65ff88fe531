import * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import type { Machine } from './machine.ts';
import { choosePlace, type Place } from './place.ts';
import { labels, objectName } from './stack.ts';

type Ports = { internal: number; external: number; ip: string }[];

/** What a container of ours may differ in. Everything else is the same for all of them. */
export interface ContainerArgs {
  machine: Machine;
  /** Takes over from its predecessor beside it: each has a place, which is part of its name. */
  beside?: boolean;
  image: pulumi.Input<string>;
  /** `uid:gid`. Root only where a comment says why. Undefined: the user of the image, which then is not one of ours. */
  user: string | undefined;
  /** Settings; a value that is a Pulumi secret stays one. */
  settings?: Record<string, pulumi.Input<string>>;
  /** Secret settings: marked as secrets in the state whatever the caller passed. */
  secrets?: Record<string, pulumi.Input<string>>;
  /** Writable paths in memory, with their mount options. */
  tmpfs?: Record<string, string>;
  volumes?: { volume: pulumi.Input<string>; path: string; readOnly?: boolean }[];
  /** Directories of the host, which must be there: Docker would make a misspelt one and give it to root. */
  mounts?: { source: string; target: string; readOnly: boolean }[];
  /** Networks the container joins, each under the name of its role. */
  networks?: pulumi.Input<string>[];
  /** The name by which its neighbours on those networks know it. */
  alias: string;
  /** Instead of networks: `host`, or another container's. */
  networkMode?: pulumi.Input<string>;
  ports?: Ports | ((place: Place) => Ports) | undefined;
  /** As Docker writes them, `CAP_…`: otherwise a refresh would find a difference, and replace the container. */
  capabilities?: string[];
  entrypoint?: string[];
  /** Names that are in no DNS, each with its address. */
  hosts?: { host: string; ip: string }[];
  /** How it is told that the container does its work. None: it is enough that it runs. */
  health?: {
    /** Exits with 0 when it does. */
    command: string[];
    /** Seconds it may take to get there. */
    within: number;
    /** Whether `up` waits for it. Default true. */
    wait?: boolean;
    /** Whether its image has `sh`, `sleep` and `timeout`. Default true. */
    hasShell?: boolean;
  };
  /** Seconds it may take to finish what it is doing when it is stopped. */
  stopTimeout: number;
  /** Upper limit in MB. */
  memory: number;
}

/** A container with the least it needs: read-only root, no capabilities, no new privileges, bounded logs and memory. */
export function createContainer(role: string, args: ContainerArgs, opts: pulumi.CustomResourceOptions): docker.Container {
  // As one value: the provider sorts the list, so that a mark on a single item would end up on another.
  const environment = pulumi.all([...variables(args.settings), ...variables(args.secrets)]);
  const { machine, ports } = args;
  const resource = machine.named(role);
  const inputs = {
    labels: labels(),
    image: args.image,
    entrypoints: args.entrypoint,
    user: args.user,
    readOnly: true,
    capabilities: { drops: ['ALL'], adds: args.capabilities },
    securityOpts: ['no-new-privileges'],
    envs: args.secrets ? pulumi.secret(environment) : environment,
    tmpfs: args.tmpfs,
    volumes: args.volumes?.map(({ volume, path, readOnly }) => ({ volumeName: volume, containerPath: path, readOnly })),
    mounts: args.mounts?.map((mount) => ({ type: 'bind', ...mount })),
    networkMode: args.networkMode,
    networksAdvanced: args.networks?.map((name) => ({ name, aliases: [args.alias] })),
    hosts: args.hosts,
    // Swap in addition would double the limit, which is Docker's default.
    memory: args.memory,
    memorySwap: args.memory,
    // Without an upper limit the log of one busy container fills the disk of all.
    logDriver: 'json-file',
    logOpts: { 'max-size': '10m', 'max-file': '3' },
    restart: 'unless-stopped',
    ...(args.health && {
      healthcheck: { ...(args.health.hasShell === false ? eagerly(args.health.command) : patiently(args.health.command)), retries: 3, startPeriod: duration(args.health.within) },
      wait: args.health.wait ?? true,
      waitTimeout: args.health.within,
    }),
    destroyGraceSeconds: args.stopTimeout,
  };
  if (!args.beside) return new docker.Container(resource, { ...inputs, name: objectName(role), ports: ports as Ports | undefined }, opts);
  const place = choosePlace(role, machine, [inputs, typeof ports === 'function' ? [ports('a'), ports('b')] : ports], { parent: opts.parent });
  // The provider deletes a container first, unless it is told otherwise.
  const beside = { ...opts, deleteBeforeReplace: false };
  return new docker.Container(resource, { ...inputs, name: pulumi.interpolate`${objectName(role)}-${place}`, ports: typeof ports === 'function' ? place.apply(ports) : ports }, beside);
}

function variables(values: Record<string, pulumi.Input<string>> = {}): pulumi.Output<string>[] {
  return Object.entries(values).map(([key, value]) => pulumi.interpolate`${key}=${value}`);
}

/**
 * Docker asks every three seconds, so that nobody waits longer than that for a container which is ready. A question costs a tenth of a second
 * of processor time, most of it Docker's own: of a container that was well the last time the check waits before it asks again. (An interval
 * for the start alone is what engines before 25 do not know.) /dev/shm is there below a read-only root, and new with each start.
 */
const PATIENT = '[ ! -e /dev/shm/healthy ] || sleep 20; if timeout 5 "$@"; then : > /dev/shm/healthy; else rm -f /dev/shm/healthy; exit 1; fi';

const patiently = (command: readonly string[]) => ({ tests: ['CMD', 'sh', '-c', PATIENT, 'health', ...command], interval: '3s', timeout: '30s' });

const eagerly = (command: readonly string[]) => ({ tests: ['CMD', ...command], interval: '5s', timeout: '5s' });

/** Seconds as Go prints them: the Docker provider reads them back so, and would take `60s` for a change of `1m0s`. */
function duration(seconds: number): string {
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
