import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import type { Report } from './command.ts';

/** What images/ asks of a container engine. */
export interface ImageEngine {
  /** Digest (`sha256:…`) that the image's registry answers for a reference; asked by the engine itself, as a pull would be. */
  registryDigest(reference: string, timeoutMilliseconds: number): Promise<string>;
  exists(image: string): Promise<boolean>;
  /** The engine's architecture in Go's words: `amd64`, `arm64`. */
  architecture(): Promise<string>;
  importTar(file: NodeJS.ReadableStream, image: string): Promise<void>;
  /** Builds a folder with its Dockerfile. `report` gets the name of each step. */
  build(folder: string, image: string, buildArguments: Record<string, string>, report: Report): Promise<void>;
  /** Tags below a registry or a repository pattern: `drawbridge.local/*`. */
  tags(pattern: string): Promise<string[]>;
  /** Ids of untagged images with a label. */
  untagged(label: string): Promise<string[]>;
  remove(image: string): Promise<void>;
}

interface BuildEvent {
  readonly stream?: string;
  readonly error?: string;
}

export function dockerEngine(docker: Docker): ImageEngine {
  /** Reads a progress stream to its end and fails with the error that came in it. */
  const finish = (stream: NodeJS.ReadableStream, onText: Report = () => {}): Promise<void> =>
    new Promise((resolve, reject) => {
      let failure = '';
      docker.modem.followProgress(
        stream,
        (error) => (failure !== '' ? reject(new Error(failure)) : error ? reject(error) : resolve()),
        (event: BuildEvent) => {
          if (event.stream !== undefined) onText(event.stream);
          if (event.error !== undefined) failure = event.error;
        },
      );
    });

  return {
    async registryDigest(reference, timeoutMilliseconds) {
      // A firewall that drops packets would hold the engine for minutes.
      const timeout = delay(timeoutMilliseconds, undefined, { ref: false }).then(() => {
        throw new Error(`no answer within ${timeoutMilliseconds / 1000} s`);
      });
      const answer = await Promise.race([docker.getImage(reference).distribution(), timeout]);
      return (answer as { Descriptor: { digest: string } }).Descriptor.digest;
    },

    async exists(image) {
      try {
        await docker.getImage(image).inspect();
        return true;
      } catch (error) {
        if ((error as { statusCode?: number }).statusCode === 404) return false;
        throw error;
      }
    },

    async architecture() {
      return (await docker.version()).Arch;
    },

    async importTar(file, image) {
      const [repo, tag] = image.split(':');
      await finish(await docker.importImage(file as never, { repo, tag }));
    },

    async build(folder, image, buildArguments, report) {
      const tail: string[] = [];
      // The host's network: a build reaches what the host reaches, a package mirror on its loopback included.
      const options = { t: image, buildargs: buildArguments, networkmode: 'host', forcerm: true };
      const stream = await docker.buildImage({ context: folder, src: ['.'] }, options);
      try {
        await finish(stream, (text) => {
          if (text.startsWith('Step ')) report(text.trim());
          tail.push(text);
          if (tail.length > 60) tail.shift();
        });
      } catch (error) {
        throw new Error(`${(error as Error).message}\n${tail.join('').trim()}`, { cause: error });
      }
    },

    async tags(pattern) {
      const images = await docker.listImages({ filters: { reference: [pattern] } });
      return images.flatMap((image) => image.RepoTags ?? []);
    },

    async untagged(label) {
      return (await docker.listImages({ filters: { dangling: ['true'], label: [label] } })).map((image) => image.Id);
    },

    async remove(image) {
      await docker.getImage(image).remove();
    },
  };
}
