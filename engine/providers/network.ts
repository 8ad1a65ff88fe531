import { explain, foreign, isOurs, labelsOf, onceMoreIfTaken, unlessMissing, whileInUse } from './docker.ts';
import type { Provider, Step } from './provider.ts';
import { freeSubnets, ownSubnets } from './subnets.ts';
import { EngineError, messageOf } from '../types.ts';

export const network: Provider = {
  inputs: ['driver', 'internal', 'ipv6', 'labels', 'name', 'options'],
  required: ['name'],
  replaceOn: 'all',
  exclusiveName: true,
  create: (inputs, step) => onceMoreIfTaken(async () => {
    const name = String(inputs['name']);
    const labels = labelsOf(inputs);
    const wanted = { driver: (inputs['driver'] as string | undefined) ?? 'bridge', internal: inputs['internal'] === true };
    const found = await find(name, step);
    if (found && !isOurs(found.Labels, labels)) throw foreign('network', name);
    if (found && found.Driver === wanted.driver && found.Internal === wanted.internal) return made(found);
    if (found) await whileInUse(() => step.docker.api.getNetwork(found.Id).remove(), step.signal);
    const settings = {
      Name: name,
      CheckDuplicate: true,
      Driver: wanted.driver,
      Internal: wanted.internal,
      EnableIPv6: inputs['ipv6'] === true,
      Options: inputs['options'] as Record<string, string> | undefined,
      Labels: labels,
    };
    for (const subnet of freeSubnets(name, await takenSubnets(step))) {
      try {
        const created = await step.docker.api.createNetwork({ ...settings, IPAM: { Driver: 'default', Config: [{ Subnet: subnet }] } });
        return made(await created.inspect());
      } catch (error) {
        // Another run was faster, or a route of the machine leads there.
        if (!/overlaps/i.test(messageOf(error))) throw explain(error);
      }
    }
    throw new EngineError('there is no subnet left for a network: remove networks that nothing uses (docker network prune)');
  }),
  remove: async (old, step) => {
    const found = await find(old.id ?? String(old.inputs['name']), step);
    if (found && isOurs(found.Labels, labelsOf(old.inputs))) await whileInUse(() => step.docker.api.getNetwork(found.Id).remove(), step.signal);
  },
  drift: async (old, step) =>
    (await step.docker.listing()).networks.has(old.id ?? '') ? undefined : { missing: true, reason: 'drift: removed by hand' },
};

async function takenSubnets({ docker }: Step): Promise<string[]> {
  const networks = await docker.api.listNetworks();
  const pools = networks.flatMap(({ IPAM }) => (IPAM?.Config ?? []).flatMap(({ Subnet }) => (Subnet && !Subnet.includes(':') ? [Subnet] : [])));
  return docker.elsewhere ? pools : [...pools, ...ownSubnets()];
}

const find = (name: string, step: Step) => unlessMissing(step.docker.api.getNetwork(name).inspect());

const made = (found: { Id: string; Driver: string; Internal: boolean; Scope: string }) =>
  ({ id: found.Id, outputs: { driver: found.Driver, internal: found.Internal, scope: found.Scope } });
