import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as command from '@pulumi/command';
import * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import type { Machine } from './machine.ts';

/** A base image: official where an image registry answers, otherwise a stand-in built by `images/`. */
export type Base = 'nginx' | 'node' | 'keycloak' | 'postgres' | 'certbot' | 'pebble' | 'cloudflared';

/** The images that are built here, and the base each stands on. */
const builds = {
  front: { dockerfile: 'proxy/Dockerfile', base: 'nginx' },
  certificates: { dockerfile: 'proxy/certificates.Dockerfile', base: 'certbot' },
  pebble: { dockerfile: 'proxy/pebble.Dockerfile', base: 'pebble', tools: 'nginx' },
  keycloak: { dockerfile: 'keycloak/Dockerfile', base: 'keycloak' },
  applier: { dockerfile: 'keycloak/applier.Dockerfile', base: 'node' },
  server: { dockerfile: 'server/Dockerfile', base: 'node' },
  stdio: { dockerfile: 'backends/stdio/Dockerfile', base: 'node' },
} satisfies Record<string, { dockerfile: string; base: Base; tools?: Base }>;
export type Build = keyof typeof builds;

/** The images of a machine: built there, so that they need no registry. Each is resolved or built when it is first asked for. */
export class Images extends pulumi.ComponentResource {
  /** By the name of the resource. */
  readonly #known = new Map<string, pulumi.Output<string>>();

  readonly #machine: Machine;

  constructor(name: string, { machine }: { machine: Machine }, opts?: pulumi.ComponentResourceOptions) {
    super('drawbridge:infra:Images', name, {}, { ...opts, ...machine.options });
    this.#machine = machine;
    this.registerOutputs({});
  }

  /**
   * Reference of a base image. The command runs at the first `up`; its answer, a digest of the registry or the tag of a
   * stand-in, stays in the stack's state, so that a later `up` does not change the base under existing data.
   */
  base(base: Base): pulumi.Output<string> {
    return this.#once(this.#machine.named(`base-${base}`), (name) => {
      const resolved = new command.local.Command(name, { create: `node images/base.ts ${base}`, environment: this.#machine.environment }, { parent: this, dependsOn: this.#machine.checked });
      return resolved.stdout.apply((stdout) => (JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { image: string }).image);
    });
  }

  /** Id of a base image that runs as it is. */
  pulled(base: Base): pulumi.Output<string> {
    return this.named(base, this.base(base));
  }

  /** Id of an image that is on the engine by its name, or else pulled. It is kept when the stack goes, since others may use it. */
  named(role: string, reference: pulumi.Input<string>): pulumi.Output<string> {
    return new docker.RemoteImage(this.#machine.named(`image-${role}`), { name: reference, keepLocally: true }, { parent: this }).imageId;
  }

  /**
   * Id of one of our own images, built again whenever a file that goes into it, its base or an argument of its build changes.
   * @param choices further arguments of the build
   */
  built(build: Build, choices: Readonly<Record<string, string>> = {}): pulumi.Output<string> {
    const { dockerfile, base, tools }: { dockerfile: string; base: Base; tools?: Base } = builds[build];
    return this.#once(this.#machine.named(`image-${build}`), (resource) => {
      const buildArgs = pulumi.output({ BASE: this.base(base), ...(tools && { TOOLS: this.base(tools) }), ...choices });
      const name = buildArgs.apply((bases) => `drawbridge.local/${pulumi.getStack()}/${build}:${contentHash(dockerfile, Object.values(bases))}`);
      // The legacy builder is the one that every engine has; the Dockerfiles ask for no more.
      return new docker.RemoteImage(resource, { name, build: { context: '.', dockerfile, buildArgs, useLegacyBuilder: true }, forceRemove: true }, { parent: this }).imageId;
    });
  }

  #once(resource: string, make: (resource: string) => pulumi.Output<string>): pulumi.Output<string> {
    const known = this.#known.get(resource) ?? make(resource);
    this.#known.set(resource, known);
    return known;
  }
}

/** Hash of all that goes into an image: its bases, its Dockerfile, and each file that the Dockerfile copies. */
function contentHash(dockerfile: string, bases: readonly string[]): string {
  const hash = createHash('sha256').update(bases.join('\0'));
  for (const file of [dockerfile, ...copiedFiles(readFileSync(dockerfile, 'utf8'))]) hash.update(`\0${file}\0`).update(readFileSync(file));
  return hash.digest('hex').slice(0, 12);
}

function copiedFiles(dockerfile: string): string[] {
  const sources = [...dockerfile.matchAll(/^COPY\s+(?!--from)(?:--\S+\s+)*(.+)\s+\S+$/gm)].flatMap(([, files = '']) => files.split(/\s+/));
  return sources.flatMap(filesBelow).sort();
}

function filesBelow(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
