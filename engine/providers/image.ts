import { resolve } from 'node:path';
import type { ImageBuildOptions } from 'dockerode';
import { EngineError, messageOf } from '../types.ts';
import type { Plain } from '../values.ts';
import { packContext } from './build-context.ts';
import { explain, unlessMissing, whileInUse } from './docker.ts';
import type { Made, Provider, Step } from './provider.ts';

interface Build {
  context: string;
  dockerfile?: string;
  buildArgs?: Record<string, string>;
  labels?: Record<string, string>;
  target?: string;
  noCache?: boolean;
  pullParent?: boolean;
  networkMode?: string;
  extraHosts?: string[];
  tags?: string[];
}

/** Of `build`, what the engine passes on; `useLegacyBuilder` is accepted because it uses no other builder. */
const buildInputs = ['context', 'dockerfile', 'buildArgs', 'labels', 'target', 'noCache', 'pullParent', 'networkMode', 'extraHosts', 'tags', 'useLegacyBuilder'];

/** An image that is built, or else the one of that name on the engine, pulled where it is not there yet. */
export const image: Provider = {
  inputs: ['build', 'forceRemove', 'keepLocally', 'name', 'pullTriggers', 'triggers'],
  required: ['name'],
  replaceOn: 'all',
  // The new image takes the tag over while containers still run from the old one.
  exclusiveName: false,
  check: (inputs) => {
    const unknown = Object.keys((inputs['build'] ?? {}) as Plain).filter((key) => !buildInputs.includes(key));
    return unknown.length > 0 ? `the embedded engine does not know the input ${unknown.map((key) => `build.${key}`).join(', ')}` : undefined;
  },
  create: async (inputs, step) => {
    const name = String(inputs['name']);
    const handle = step.docker.api.getImage(name);
    try {
      if (inputs['build']) await build(inputs['build'] as Build, name, step);
      else if (!(await unlessMissing(handle.inspect()))) await pull(name, step);
      return made(name, await handle.inspect());
    } catch (error) {
      throw explain(error);
    }
  },
  remove: async (old, step, successor) => {
    if (old.inputs['keepLocally'] === true) return;
    // An image that was only to be pulled and perhaps never was may have been there before.
    if (old.id === undefined && !old.inputs['build']) return;
    const name = String(old.inputs['name']);
    const tags = [name, ...((old.inputs['build'] as Build | undefined)?.tags ?? [])];
    const kept = successor ? [successor.inputs['name'], ...((successor.inputs['build'] as Build | undefined)?.tags ?? [])] : [];
    for (const tag of tags.filter((each) => !kept.includes(each))) {
      await whileInUse(() => step.docker.api.getImage(tag).remove({ force: old.inputs['forceRemove'] === true }), step.signal);
    }
    const imageId = old.outputs['imageId'];
    if (kept.includes(name) && typeof imageId === 'string' && imageId !== successor?.outputs['imageId']) {
      // Without its tag the old image is of use to nobody, unless another tag or a container holds it.
      await whileInUse(() => step.docker.api.getImage(imageId).remove(), step.signal).catch((error: unknown) => {
        if (!/conflict/.test(messageOf(error))) throw error;
      });
    }
  },
  drift: async (old, step) => {
    const { images } = await step.docker.listing();
    const name = String(old.inputs['name']);
    const actual = images.get(name) ?? images.get(`${name}:latest`);
    // A name with a digest is in no list of tags.
    if (actual === undefined && name.includes('@') && (await unlessMissing(step.docker.api.getImage(name).inspect()))) return undefined;
    if (actual === undefined) return { missing: true, reason: 'drift: removed by hand' };
    return actual === old.outputs['imageId'] ? undefined : { missing: false, reason: 'drift: the tag is on another image' };
  },
};

const made = (name: string, found: { Id: string; RepoDigests?: string[] }): Made =>
  ({ id: found.Id + name, outputs: { imageId: found.Id, repoDigest: found.RepoDigests?.[0] ?? '' } });

async function pull(name: string, step: Step): Promise<void> {
  step.progress(`pulling ${name}`);
  const tagged = /[@:][^/]*$/.test(name) ? name : `${name}:latest`;
  await follow(await step.docker.api.pull(tagged, { abortSignal: step.signal } as never), step, () => {});
}

/** Builds with the classic builder. @throws EngineError with the step that failed and the last lines before */
async function build(options: Build, name: string, step: Step): Promise<void> {
  const context = resolve(step.directory, options.context);
  const dockerfile = options.dockerfile ?? 'Dockerfile';
  let current = 'reading the build context';
  const recent: string[] = [];
  try {
    const given = {
      t: name,
      dockerfile,
      buildargs: options.buildArgs,
      labels: options.labels,
      target: options.target,
      nocache: options.noCache,
      pull: options.pullParent ? 'true' : undefined,
      networkmode: options.networkMode,
      extrahosts: options.extraHosts?.join(','),
      // Also after a failure, so that a broken or killed build leaves no container behind.
      forcerm: true,
      abortSignal: step.signal,
    };
    // An option without a value would be sent as an empty one.
    const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    const stream = await step.docker.api.buildImage(packContext(context, dockerfile), set as ImageBuildOptions);
    await follow(stream, step, (line) => {
      if (/^Step \d+\/\d+/.test(line)) current = line;
      recent.push(line);
    });
    for (const tag of options.tags ?? []) await step.docker.api.getImage(name).tag({ repo: tag.replace(/:[^/:]*$/, ''), tag: /:([^/:]*)$/.exec(tag)?.[1] ?? 'latest' });
  } catch (error) {
    const tail = recent.slice(-20).join('\n');
    throw new EngineError(`the build of ${dockerfile} failed at "${current}": ${explain(error).message}${tail && `\n${tail}`}`);
  }
}

/** Reads Docker's stream of JSON lines to its end. @throws the error it reports */
function follow(stream: NodeJS.ReadableStream, step: Step, onLine: (line: string) => void): Promise<void> {
  return new Promise((done, failed) => {
    step.docker.api.modem.followProgress(
      stream,
      (error: Error | null) => (error ? failed(error) : done()),
      (event: { stream?: string; status?: string; id?: string; progressDetail?: object; error?: string }) => {
        // Docker reports a failed build as one more event.
        if (event.error) failed(new Error(event.error));
        // Progress bars of a pull would drown everything else.
        const moving = Object.keys(event.progressDetail ?? {}).length > 0;
        const text = event.stream ?? (event.status && !moving ? [event.id, event.status].filter(Boolean).join(': ') : '');
        for (const line of text.split('\n').map((each) => each.trimEnd()).filter(Boolean)) {
          onLine(line);
          step.progress(line);
        }
      },
    );
  });
}
