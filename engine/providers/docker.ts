import Docker from 'dockerode';
import { setTimeout as sleep } from 'node:timers/promises';
import { dockerOptions } from '../../host/docker.ts';
import { EngineError, messageOf } from '../types.ts';
import type { Plain } from '../values.ts';

/** The label whose value says which stack an object belongs to. */
const stackLabel = 'dev.drawbridge.stack';

interface Listing {
  containers: Map<string, Docker.ContainerInfo>;
  networks: Set<string>;
  volumes: Set<string>;
  /** Tag → image id. */
  images: Map<string, string>;
}

/** A Docker engine, and what was on it when a run first asked. */
export class DockerHost {
  readonly api: Docker;
  /** Whether it is on another machine. */
  readonly elsewhere: boolean;
  #listing: Promise<Listing> | undefined;

  /** @param host as DOCKER_HOST, whose value it is by default; without either, the default socket */
  constructor(host?: string) {
    this.api = new Docker(dockerOptions(host));
    this.elsewhere = host !== undefined;
  }

  /** Everything on the engine, asked for once a run: an `up` that changes nothing costs four calls. */
  listing(): Promise<Listing> {
    this.#listing ??= this.#list();
    return this.#listing;
  }

  async #list(): Promise<Listing> {
    const [containers, networks, volumes, images] = await Promise.all([
      this.api.listContainers({ all: true }),
      this.api.listNetworks(),
      this.api.listVolumes(),
      this.api.listImages(),
    ]).catch((error: unknown) => {
      throw explain(error);
    });
    return {
      containers: new Map(containers.map((each) => [each.Id, each])),
      networks: new Set(networks.map((each) => each.Id)),
      volumes: new Set(volumes.Volumes.map((each) => each.Name)),
      images: new Map(images.flatMap((each) => (each.RepoTags ?? []).map((tag) => [tag, each.Id] as const))),
    };
  }
}

/** Labels of an input, `[{label, value}]`, as Docker wants them. */
export function labelsOf(inputs: Plain): Record<string, string> {
  const labels = (inputs['labels'] ?? []) as { label: string; value: string }[];
  return Object.fromEntries(labels.map(({ label, value }) => [label, value]));
}

/** Whether an object that stands where ours should be is one that an earlier run of this stack has left. */
export function isOurs(actual: Record<string, string> | null | undefined, wanted: Record<string, string>): boolean {
  const owned = wanted[stackLabel] === undefined ? Object.entries(wanted) : [[stackLabel, wanted[stackLabel]] as const];
  return owned.length > 0 && owned.every(([label, value]) => actual?.[label] === value);
}

export const foreign = (kind: string, name: string): EngineError =>
  new EngineError(`there is already a ${kind} named ${name} that is not of this stack, so it is left alone. Remove it (docker ${kind} rm ${name}) or choose another name`);

/** The result of a Docker call, or undefined where the object does not exist. */
export async function unlessMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw explain(error);
  }
}

/**
 * Repeats a removal while the object is still in use, since a container takes a moment to let go, or while Docker is at
 * work on another removal: that of a killed run, or of an image with the same layers ("unrecognized image ID").
 */
export async function whileInUse(remove: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
  for (let waited = 0; ; waited += 250) {
    try {
      await unlessMissing(remove());
      return;
    } catch (error) {
      if (waited >= 10_000 || signal.aborted || !/in use|active endpoints|already in progress|unrecognized image ID/.test(messageOf(error))) throw error;
      await sleep(250);
    }
  }
}

/** Makes an object, once more if the name was taken meanwhile: Docker may be ending what a killed run had asked for. */
export async function onceMoreIfTaken<T>(make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (!/already in use by container|already exists/.test(messageOf(error))) throw error;
    await sleep(1000);
    return make();
  }
}

export const statusOf = (error: unknown): number | undefined => (error as { statusCode?: number }).statusCode;

/** Docker's errors in words that say what to do. */
export function explain(error: unknown): Error {
  if (error instanceof EngineError) return error;
  const { code, syscall, reason } = error as { code?: string; syscall?: string; reason?: string };
  const message = ((error as { json?: { message?: string } }).json?.message ?? messageOf(error)).trim();
  if (code === 'EACCES') {
    return new EngineError('the Docker engine does not let this user in: add the user to the group docker (sudo usermod -aG docker $USER), sign in again, and run the command again');
  }
  if (code === 'ESSH') return new EngineError(`${message}, and run the command again`);
  if (syscall === 'connect' || code === 'ENOTFOUND' || code === 'ECONNREFUSED') {
    const where = process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock';
    return new EngineError(`no Docker engine answers at ${where}: start it (sudo systemctl start docker) or set DOCKER_HOST, and run the command again`);
  }
  if (/no space left on device/i.test(message)) {
    return new EngineError(`the disk of the Docker engine is full (${message}): free some space (docker system df, docker system prune) and run the command again`);
  }
  return new EngineError(reason && !message.includes(reason) ? `${reason}: ${message}` : message);
}
