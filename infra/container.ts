import * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import { labels, objectName } from './stack.ts';

/** What a container of ours may differ in. Everything else is the same for all of them. */
export interface ContainerArgs {
  image: pulumi.Input<string>;
  /** `uid:gid`. Root only where a comment says why. */
  user: string;
  /** Plain settings. */
  settings?: Record<string, pulumi.Input<string>>;
  /** Secret settings: marked as secrets in the state whatever the caller passed. */
  secrets?: Record<string, pulumi.Input<string>>;
  /** Writable paths in memory, with their mount options. */
  tmpfs?: Record<string, string>;
  volumes?: { volume: pulumi.Input<string>; path: string; readOnly?: boolean }[];
  /** Networks the container joins, each under the name of its role. */
  networks?: pulumi.Input<string>[];
  /** The name by which its neighbours on those networks know it. */
  alias: string;
  /** Instead of networks: `host`, or another container's. */
  networkMode?: pulumi.Input<string>;
  ports?: { internal: number; external: number; ip: string }[];
  capabilities?: string[];
  command?: string[];
  /** How it is told that the container does its work. None: it is enough that it runs. */
  health?: {
    /** Exits with 0 when it does. */
    command: string[];
    /** Seconds it may take to get there. */
    within: number;
    /** Whether `up` waits for it. Default true. */
    wait?: boolean;
  };
  /** Seconds it may take to finish what it is doing when it is stopped. */
  stopTimeout: number;
  /** Upper limit in MB. */
  memory: number;
}

/** A container with the least it needs: read-only root, no capabilities, no new privileges, bounded logs and memory. */
export function createContainer(role: string, args: ContainerArgs, opts: pulumi.CustomResourceOptions): docker.Container {
  const settings = environment(args.settings);
  const secrets = environment(args.secrets);
  return new docker.Container(
    role,
    {
      name: objectName(role),
      labels: labels(),
      image: args.image,
      command: args.command,
      user: args.user,
      readOnly: true,
      capabilities: { drops: ['ALL'], adds: args.capabilities },
      securityOpts: ['no-new-privileges'],
      envs: secrets.length > 0 ? pulumi.secret([...settings, ...secrets]) : settings,
      tmpfs: args.tmpfs,
      volumes: args.volumes?.map(({ volume, path, readOnly }) => ({ volumeName: volume, containerPath: path, readOnly })),
      networkMode: args.networkMode,
      networksAdvanced: args.networks?.map((name) => ({ name, aliases: [args.alias] })),
      ports: args.ports,
      // Swap in addition would double the limit, which is Docker's default.
      memory: args.memory,
      memorySwap: args.memory,
      // Without an upper limit the log of one busy container fills the disk of all.
      logDriver: 'json-file',
      logOpts: { 'max-size': '10m', 'max-file': '3' },
      restart: 'unless-stopped',
      ...(args.health && {
        healthcheck: { tests: ['CMD', ...args.health.command], interval: '3s', timeout: '5s', retries: 3, startPeriod: duration(args.health.within) },
        wait: args.health.wait ?? true,
        waitTimeout: args.health.within,
      }),
      destroyGraceSeconds: args.stopTimeout,
    },
    opts,
  );
}

function environment(values: Record<string, pulumi.Input<string>> = {}): pulumi.Output<string>[] {
  return Object.entries(values).map(([key, value]) => pulumi.interpolate`${key}=${value}`);
}

/** Seconds as Go prints them: the Docker provider reads them back so, and would take `60s` for a change of `1m0s`. */
function duration(seconds: number): string {
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
