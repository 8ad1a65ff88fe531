import type { ContainerCreateOptions } from 'dockerode';
import { labelsOf } from './docker.ts';
import type { Plain } from '../values.ts';

/** The inputs of a container that the engine knows, in the words of the docker provider. */
export interface ContainerInputs {
  name: string;
  image: string;
  command?: string[];
  entrypoints?: string[];
  user?: string;
  readOnly?: boolean;
  capabilities?: { adds?: string[]; drops?: string[] };
  securityOpts?: string[];
  tmpfs?: Record<string, string>;
  envs?: string[];
  labels?: { label: string; value: string }[];
  volumes?: { volumeName: string; containerPath: string; readOnly?: boolean }[];
  mounts?: { type: 'bind'; source: string; target: string; readOnly?: boolean }[];
  networksAdvanced?: { name: string; aliases?: string[] }[];
  networkMode?: string;
  ports?: { internal: number; external?: number; ip?: string; protocol?: string }[];
  restart?: string;
  healthcheck?: { tests: string[]; interval?: string; timeout?: string; retries?: number; startPeriod?: string };
  wait?: boolean;
  /** Seconds. Default 60. */
  waitTimeout?: number;
  init?: boolean;
  /** Mebibytes. */
  memory?: number;
  /** Mebibytes of memory and swap together. */
  memorySwap?: number;
  logDriver?: string;
  logOpts?: Record<string, string>;
  /** Seconds between the signal to stop and the kill, when the container is deleted. Default: killed at once. */
  destroyGraceSeconds?: number;
  /** Seconds, likewise, when someone else stops it. */
  stopTimeout?: number;
  hosts?: { host: string; ip: string }[];
  /** Default true. */
  mustRun?: boolean;
}

/** Names of the inputs, and of the fields of those that are objects or lists of objects. */
export const containerInputs: Record<keyof ContainerInputs, readonly string[] | undefined> = {
  name: undefined, image: undefined, command: undefined, entrypoints: undefined, user: undefined, readOnly: undefined,
  capabilities: ['adds', 'drops'],
  securityOpts: undefined, tmpfs: undefined, envs: undefined,
  labels: ['label', 'value'],
  volumes: ['volumeName', 'containerPath', 'readOnly'],
  mounts: ['type', 'source', 'target', 'readOnly'],
  networksAdvanced: ['name', 'aliases'],
  networkMode: undefined,
  ports: ['internal', 'external', 'ip', 'protocol'],
  restart: undefined,
  healthcheck: ['tests', 'interval', 'timeout', 'retries', 'startPeriod'],
  wait: undefined, waitTimeout: undefined, init: undefined, memory: undefined, memorySwap: undefined, logDriver: undefined, logOpts: undefined,
  destroyGraceSeconds: undefined, stopTimeout: undefined,
  hosts: ['host', 'ip'],
  mustRun: undefined,
};

/** The body of Docker's create call. Networks beyond the first are connected after it. */
export function containerSpec(inputs: ContainerInputs): ContainerCreateOptions {
  const networks = inputs.networksAdvanced ?? [];
  const ports = (inputs.ports ?? []).map((port) => ({ ...port, key: `${port.internal}/${port.protocol ?? 'tcp'}` }));
  const first = networks[0];
  return {
    name: inputs.name,
    Image: inputs.image,
    Cmd: inputs.command,
    Entrypoint: inputs.entrypoints,
    User: inputs.user,
    Env: inputs.envs,
    Labels: labelsOf(inputs as unknown as Plain),
    StopTimeout: inputs.stopTimeout,
    ExposedPorts: Object.fromEntries(ports.map(({ key }) => [key, {}])),
    Healthcheck: inputs.healthcheck && {
      Test: inputs.healthcheck.tests,
      Interval: nanoseconds(inputs.healthcheck.interval),
      Timeout: nanoseconds(inputs.healthcheck.timeout),
      Retries: inputs.healthcheck.retries,
      StartPeriod: nanoseconds(inputs.healthcheck.startPeriod),
    },
    NetworkingConfig: first && { EndpointsConfig: { [first.name]: { Aliases: first.aliases } } },
    HostConfig: {
      ReadonlyRootfs: inputs.readOnly,
      CapAdd: inputs.capabilities?.adds,
      CapDrop: inputs.capabilities?.drops,
      SecurityOpt: inputs.securityOpts,
      Tmpfs: inputs.tmpfs,
      Binds: inputs.volumes?.map(({ volumeName, containerPath, readOnly }) => `${volumeName}:${containerPath}:${readOnly ? 'ro' : 'rw'}`),
      Mounts: inputs.mounts?.map(({ type, source, target, readOnly }) => ({ Type: type, Source: source, Target: target, ReadOnly: readOnly ?? false })),
      NetworkMode: inputs.networkMode ?? first?.name,
      PortBindings: portBindings(ports),
      RestartPolicy: inputs.restart ? { Name: inputs.restart } : undefined,
      Init: inputs.init,
      Memory: bytes(inputs.memory),
      MemorySwap: bytes(inputs.memorySwap),
      LogConfig: inputs.logDriver ? { Type: inputs.logDriver, Config: inputs.logOpts ?? {} } : undefined,
      ExtraHosts: inputs.hosts?.map(({ host, ip }) => `${host}:${ip}`),
    },
  };
}

function portBindings(ports: { key: string; external?: number; ip?: string }[]): Record<string, { HostIp: string; HostPort: string }[]> {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { key, external, ip } of ports) {
    (bindings[key] ??= []).push({ HostIp: ip ?? '0.0.0.0', HostPort: external === undefined ? '' : String(external) });
  }
  return bindings;
}

const bytes = (mebibytes: number | undefined): number | undefined => (mebibytes === undefined ? undefined : mebibytes * 1024 * 1024);

const units: Record<string, number> = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** Reads `500ms`, `10s`, `1m30s`. */
export function nanoseconds(duration: string | undefined): number | undefined {
  if (duration === undefined) return undefined;
  return [...duration.matchAll(/([\d.]+)(ms|s|m|h)/g)].reduce((sum, [, amount, unit]) => sum + Number(amount) * units[unit!]!, 0);
}
