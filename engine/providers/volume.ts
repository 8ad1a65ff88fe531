import { explain, foreign, isOurs, labelsOf, unlessMissing, whileInUse } from './docker.ts';
import type { Provider } from './provider.ts';

export const volume: Provider = {
  inputs: ['driver', 'driverOpts', 'labels', 'name'],
  required: ['name'],
  replaceOn: 'all',
  exclusiveName: true,
  create: async (inputs, step) => {
    const name = String(inputs['name']);
    const labels = labelsOf(inputs);
    const handle = step.docker.api.getVolume(name);
    const found = await unlessMissing(handle.inspect());
    // Docker's own create would return a foreign volume of that name as if it had made it.
    if (found && !isOurs(found.Labels, labels)) throw foreign('volume', name);
    try {
      if (!found) {
        await step.docker.api.createVolume({
          Name: name,
          Driver: (inputs['driver'] as string | undefined) ?? 'local',
          DriverOpts: inputs['driverOpts'] as Record<string, string> | undefined,
          Labels: labels,
        });
      }
      const { Driver, Mountpoint } = await handle.inspect();
      return { id: name, outputs: { driver: Driver, mountpoint: Mountpoint } };
    } catch (error) {
      throw explain(error);
    }
  },
  remove: async (old, step) => {
    const handle = step.docker.api.getVolume(String(old.inputs['name']));
    const found = await unlessMissing(handle.inspect());
    if (found && isOurs(found.Labels, labelsOf(old.inputs))) await whileInUse(() => handle.remove(), step.signal);
  },
  drift: async (old, step) =>
    (await step.docker.listing()).volumes.has(String(old.id)) ? undefined : { missing: true, reason: 'drift: removed by hand' },
};
