import type { Container, ContainerInspectInfo } from 'dockerode';
import type { Difference } from '../differences.ts';
import { EngineError } from '../types.ts';
import type { Plain } from '../values.ts';
import { containerInputs, containerSpec, type ContainerInputs } from './container-spec.ts';
import { explainStart } from './container-errors.ts';
import { waitUntilUp } from './container-health.ts';
import { explain, foreign, isOurs, labelsOf, onceMoreIfTaken, statusOf, unlessMissing, whileInUse } from './docker.ts';
import type { Provider, Step } from './provider.ts';

export const container: Provider = {
  inputs: Object.keys(containerInputs),
  required: ['name', 'image'],
  replaceOn: 'all',
  exclusiveName: true,
  check: (inputs) => {
    const unknown = Object.entries(containerInputs).flatMap(([input, known]) => {
      const given = known ? [inputs[input] ?? []].flat().flatMap((item) => (typeof item === 'object' ? Object.keys(item as Plain) : [])) : [];
      return given.filter((field) => !known?.includes(field)).map((field) => `${input}.${field}`);
    });
    if (unknown.length > 0) return `the embedded engine does not know the input ${[...new Set(unknown)].join(', ')}`;
    return inputs['wait'] === true && !inputs['healthcheck'] ? 'wait needs a healthcheck' : undefined;
  },
  create: (plain, step) => onceMoreIfTaken(async () => {
    const inputs = plain as unknown as ContainerInputs;
    const leftover = await inspect(inputs.name, step);
    if (leftover && !isOurs(leftover.Config.Labels, labelsOf(plain))) throw foreign('container', inputs.name);
    // Whatever an interrupted run has left may be half done: only a new one is sure to be as described.
    if (leftover) await destroy(leftover.Id, inputs.destroyGraceSeconds, step);
    let handle: Container;
    try {
      handle = await step.docker.api.createContainer(containerSpec(inputs));
      for (const { name, aliases } of (inputs.networksAdvanced ?? []).slice(1)) {
        await step.docker.api.getNetwork(name).connect({ Container: handle.id, EndpointConfig: { Aliases: aliases } });
      }
    } catch (error) {
      throw missingImage(error, inputs.image) ?? explain(error);
    }
    try {
      await handle.start();
    } catch (error) {
      throw await explainStart(error, inputs, step);
    }
    const running = await waitUntilUp(handle, inputs, step);
    return { id: handle.id, outputs: { imageId: running.Image, networkDatas: networkDatas(running) } };
  }),
  remove: async (old, step) => {
    const found = await inspect(old.id ?? String(old.inputs['name']), step);
    if (!found || !isOurs(found.Config.Labels, labelsOf(old.inputs))) return;
    await destroy(found.Id, (old.inputs as unknown as ContainerInputs).destroyGraceSeconds, step);
  },
  drift: async (old, step) => {
    const { containers } = await step.docker.listing();
    const found = containers.get(String(old.id));
    const inputs = old.inputs as unknown as ContainerInputs;
    if (!found) {
      const other = [...containers.values()].find(({ Names }) => Names.includes(`/${inputs.name}`));
      return { missing: true, reason: 'drift: removed by hand', ...(other && { differences: [{ path: '', expected: 'the container of the last up', found: `another one of that name, made by hand from ${other.Image}` }] }) };
    }
    const differing = (reason: string, path: string, expected: string, actual: string) => ({ missing: false, reason: `drift: ${reason}`, differences: [{ path, expected, found: actual }] });
    if (found.ImageID !== old.outputs['imageId']) return differing('runs another image', 'image', inputs.image, found.Image);
    // A new one rather than a start: a container that shares this one's network is bound to its id.
    if (inputs.mustRun !== false && found.State !== 'running') return differing('stopped by hand', 'state', 'running', found.State);
    const networks = Object.keys(found.NetworkSettings.Networks).sort().join(', ');
    const wanted = inputs.networksAdvanced?.map(({ name }) => name).sort().join(', ');
    if (wanted !== undefined && networks !== wanted) return differing(`on ${networks || 'no network'}, by hand`, 'networksAdvanced', wanted, networks || 'no network');
    if (!step.thorough) return undefined;
    const differences = updatedByHand(inputs, await step.docker.api.getContainer(found.Id).inspect());
    return differences.length > 0 ? { missing: false, reason: 'drift: changed by hand', differences } : undefined;
  },
};

/** What `docker update` changes in place. Nothing else of a container changes without its id. */
function updatedByHand({ memory, memorySwap, restart }: ContainerInputs, { HostConfig }: ContainerInspectInfo): Difference[] {
  const mebibytes = (bytes: number | undefined) => (bytes ? bytes / 1024 / 1024 : undefined);
  const compared = [
    ['memory', memory, mebibytes(HostConfig.Memory)],
    ['memorySwap', memorySwap, mebibytes(HostConfig.MemorySwap)],
    ['restart', restart, HostConfig.RestartPolicy?.Name],
  ] as const;
  return compared.flatMap(([path, expected, found]) => (expected === undefined || expected === found ? [] : [{ path, expected: String(expected), found: String(found ?? 'no limit') }]));
}

const inspect = (name: string, step: Step): Promise<ContainerInspectInfo | undefined> =>
  unlessMissing(step.docker.api.getContainer(name).inspect());

async function destroy(id: string, graceSeconds: number | undefined, step: Step): Promise<void> {
  const handle = step.docker.api.getContainer(id);
  if (graceSeconds) {
    // 304: it was not running.
    await unlessMissing(handle.stop({ t: graceSeconds }).catch((error: unknown) => {
      if (statusOf(error) !== 304) throw error;
    }));
  }
  await whileInUse(() => handle.remove({ force: true, v: true }), step.signal);
  // A removal that another run began is answered before it is done.
  await whileInUse(async () => {
    if (await unlessMissing(handle.inspect())) throw new EngineError(`container ${id.slice(0, 12)} is still in use`);
  }, step.signal);
}

function missingImage(error: unknown, image: string): EngineError | undefined {
  return statusOf(error) === 404 && /no such image/i.test(String(error))
    ? new EngineError(`there is no image ${image} on the Docker engine. Make it a RemoteImage that this container refers to`)
    : undefined;
}

const networkDatas = (running: ContainerInspectInfo): Plain[] =>
  Object.entries(running.NetworkSettings.Networks).map(([networkName, { IPAddress, Gateway, IPPrefixLen, MacAddress }]) =>
    ({ networkName, ipAddress: IPAddress, gateway: Gateway, ipPrefixLength: IPPrefixLen, macAddress: MacAddress }));
