import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import Docker from 'dockerode';

const project = join(import.meta.dirname, '../..');
const docker = new Docker();

/** The base image `name` as `images/` decides it. */
export async function baseImage(name: 'nginx' | 'node' | 'certbot' | 'pebble'): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ['images/base.ts', name], { cwd: project });
  return (JSON.parse(stdout.trim().split('\n').at(-1)!) as { image: string }).image;
}

/** What a container of these tests may differ in; the rest is as every container of ours has it. */
export interface Run {
  image: string;
  network: string;
  alias?: string;
  user?: string;
  env?: Record<string, string>;
  entrypoint?: string[];
  command?: string[];
  tmpfs?: Record<string, string>;
  /** Volume name or file → path, `:ro` allowed. */
  binds?: string[];
  capabilities?: string[];
  sysctls?: Record<string, string>;
  /** Ports to publish on loopback, each on a free one. */
  ports?: number[];
}

/** A set of Docker objects that is removed as a whole. */
export class Containers {
  readonly prefix = `drawbridge-proxytest-${randomBytes(3).toString('hex')}`;
  readonly #containers: Docker.Container[] = [];
  readonly #images = new Set<string>();
  readonly #volumes: Docker.Volume[] = [];
  #network: Docker.Network | undefined;
  #count = 0;

  async network(): Promise<string> {
    this.#network ??= await docker.createNetwork({ Name: this.prefix });
    return this.prefix;
  }

  async volume(name: string): Promise<string> {
    const Name = `${this.prefix}-${name}`;
    await docker.createVolume({ Name });
    this.#volumes.push(docker.getVolume(Name));
    return Name;
  }

  async build(dockerfile: string, buildargs: Record<string, string>): Promise<string> {
    const tag = `${this.prefix}:${dockerfile.replace(/\W+/g, '-').toLowerCase()}`;
    // Files, not the folder: .dockerignore's first line would hide a folder with all that is in it.
    const src = readdirSync(join(project, 'proxy'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => relative(project, join(entry.parentPath, entry.name)));
    const stream = await docker.buildImage({ context: project, src }, { dockerfile, t: tag, buildargs, forcerm: true });
    await new Promise<void>((resolve, reject) => {
      let failure: string | undefined;
      const done = (error: Error | null) => (error || failure ? reject(error ?? new Error(failure)) : resolve());
      docker.modem.followProgress(stream, done, (event: { error?: string }) => (failure ??= event.error));
    });
    this.#images.add(tag);
    return tag;
  }

  async run(run: Run): Promise<Docker.Container> {
    const ports = run.ports ?? [];
    const container = await docker.createContainer({
      name: `${this.prefix}-${this.#count++}`,
      Image: run.image,
      Entrypoint: run.entrypoint,
      Cmd: run.command,
      User: run.user,
      Env: Object.entries(run.env ?? {}).map(([key, value]) => `${key}=${value}`),
      ExposedPorts: Object.fromEntries(ports.map((port) => [`${port}/tcp`, {}])),
      HostConfig: {
        ReadonlyRootfs: true,
        CapDrop: ['ALL'],
        CapAdd: run.capabilities,
        SecurityOpt: ['no-new-privileges'],
        Tmpfs: run.tmpfs,
        Binds: run.binds,
        Sysctls: run.sysctls,
        PortBindings: Object.fromEntries(ports.map((port) => [`${port}/tcp`, [{ HostIp: '127.0.0.1', HostPort: '' }]])),
        NetworkMode: run.network,
      },
      NetworkingConfig: run.alias ? { EndpointsConfig: { [run.network]: { Aliases: [run.alias] } } } : undefined,
    });
    this.#containers.push(container);
    await container.start();
    return container;
  }

  /** Runs a command to its end and returns what it printed. */
  async once(run: Run): Promise<string> {
    const container = await this.run(run);
    const { StatusCode } = (await container.wait()) as { StatusCode: number };
    const output = await logs(container);
    if (StatusCode !== 0) throw new Error(`${run.command?.join(' ')} ended with ${StatusCode}: ${output}`);
    return output;
  }

  async remove(): Promise<void> {
    for (const container of this.#containers.reverse()) await container.remove({ force: true, v: true }).catch(ignoreMissing);
    await this.#network?.remove();
    for (const volume of this.#volumes) await volume.remove();
    for (const image of this.#images) await docker.getImage(image).remove({ force: true });
  }
}

function ignoreMissing(error: { statusCode?: number }): void {
  if (error.statusCode !== 404) throw error;
}

/** All that a container has printed, both streams. */
export async function logs(container: Docker.Container): Promise<string> {
  return unframed(await container.logs({ stdout: true, stderr: true, follow: false }));
}

function unframed(raw: Buffer): string {
  // The engine frames each piece of output: stream (1 byte), padding (3), length (4, big-endian).
  let text = '';
  for (let at = 0; at + 8 <= raw.length; at += 8 + raw.readUInt32BE(at + 4)) text += raw.toString('utf8', at + 8, at + 8 + raw.readUInt32BE(at + 4));
  return text;
}

/** The loopback port on which a container's port is published. */
export async function published(container: Docker.Container, port: number): Promise<number> {
  const { NetworkSettings } = await container.inspect();
  return Number(NetworkSettings.Ports[`${port}/tcp`]![0]!.HostPort);
}

/** The address of the machine itself on the network of a container, and the container's own. */
export async function addresses(container: Docker.Container): Promise<{ gateway: string; own: string }> {
  const { Gateway, IPAddress } = Object.values((await container.inspect()).NetworkSettings.Networks)[0]!;
  return { gateway: Gateway, own: IPAddress };
}

/** What a command in a running container prints. */
export async function output(container: Docker.Container, command: string[]): Promise<string> {
  const exec = await container.exec({ Cmd: command, AttachStdout: true, AttachStderr: true });
  return unframed(await buffer(await exec.start({})));
}

/** Exit code of a command in a running container. */
export async function exitCode(container: Docker.Container, command: string[]): Promise<number> {
  const exec = await container.exec({ Cmd: command, AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({});
  stream.resume();
  await new Promise((resolve) => stream.once('end', resolve));
  return (await exec.inspect()).ExitCode ?? -1;
}

/** Asks until the answer is true. */
export async function until(what: string, holds: () => Promise<boolean>, seconds = 30): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`Not within ${seconds} s: ${what}`);
    await delay(200);
  }
}
