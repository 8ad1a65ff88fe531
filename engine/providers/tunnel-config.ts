import type { ConfigurationUpdateParams } from 'cloudflare/resources/zero-trust/tunnels/cloudflared/configurations';
import { ifMissing } from './cloudflare.ts';
import type { Made, Provider, Recorded, Step } from './provider.ts';
import type { Plain } from '../values.ts';

type Config = ConfigurationUpdateParams.Config;
/** As the program says it; only the rules are called otherwise. */
type ConfigInput = Omit<Config, 'ingress'> & { ingresses: Config['ingress'] };

/** What a tunnel's connectors do. There is no object of its own to delete: it goes with the tunnel. */
export const tunnelConfig: Provider = {
  inputs: ['accountId', 'config', 'tunnelId'],
  required: ['accountId', 'config', 'tunnelId'],
  replaceOn: ['accountId', 'tunnelId'],
  exclusiveName: false,
  check: ({ config }) => {
    if (config === undefined) return undefined;
    const { ingresses = [], originRequest = {}, ...others } = config as ConfigInput;
    const unknown = [
      ...beyond([], others, 'config'),
      ...ingresses.flatMap((rule) => beyond(['hostname', 'path', 'service'], rule, 'config.ingresses')),
      ...beyond(['keepAliveTimeout'], originRequest, 'config.originRequest'),
    ];
    return unknown.length > 0 ? `the embedded engine does not know the input ${[...new Set(unknown)].join(', ')}` : undefined;
  },
  create: (inputs, step) => configure(inputs, step),
  update: (_old, inputs, step) => configure(inputs, step),
  remove: async () => {},
  drift: async (old, step) => {
    const { account_id, id } = tunnelOf(old.inputs);
    const found = await step.cloudflare.ask((tunnels) => tunnels.configurations.get(id, { account_id }).catch(ifMissing));
    if (!found) return { missing: true, reason: 'drift: its tunnel was removed by hand' };
    // Cloudflare counts the configurations of a tunnel, and writes them in a form of its own.
    return found.version === old.outputs['version'] ? undefined : { missing: false, reason: 'drift: configured by hand' };
  },
};

async function configure(inputs: Recorded['inputs'], { cloudflare }: Step): Promise<Made> {
  const { account_id, id } = tunnelOf(inputs);
  const { ingresses: ingress, ...others } = inputs['config'] as ConfigInput;
  const { version, created_at } = await cloudflare.ask((tunnels) => tunnels.configurations.update(id, { account_id, config: { ingress, ...others } }));
  return { id, outputs: { version, createdAt: created_at } };
}

const tunnelOf = (inputs: Plain) => ({ account_id: String(inputs['accountId']), id: String(inputs['tunnelId']) });

const beyond = (known: readonly string[], given: object, where: string): string[] =>
  Object.keys(given).filter((field) => !known.includes(field)).map((field) => `${where}.${field}`);
