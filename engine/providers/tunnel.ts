import type { CloudflareTunnel } from 'cloudflare/resources/shared';
import { ifMissing } from './cloudflare.ts';
import type { Made, Provider, Step } from './provider.ts';
import type { Plain } from '../values.ts';

/** A remotely managed tunnel of Cloudflare's. */
export const tunnel: Provider = {
  inputs: ['accountId', 'configSrc', 'name'],
  required: ['accountId', 'configSrc', 'name'],
  replaceOn: ['accountId', 'configSrc'],
  exclusiveName: true,
  check: ({ configSrc }) =>
    configSrc === undefined || configSrc === 'cloudflare' ? undefined : 'the embedded engine knows only tunnels that are managed at Cloudflare (configSrc cloudflare)',
  create: async (inputs, step) => {
    const { account_id, name } = named(inputs);
    // Once: where the answer was lost, a second call would find the name taken, and the next run finds the tunnel.
    return made(await step.cloudflare.ask((tunnels) => tunnels.create({ account_id, name, config_src: 'cloudflare' }), 1));
  },
  adopt: async (inputs, step) => {
    const leftover = await findLeftover(inputs, step);
    return leftover && made(leftover);
  },
  update: async (old, inputs, step) => {
    const { account_id, name } = named(inputs);
    return made(await step.cloudflare.ask((tunnels) => tunnels.edit(old.id!, { account_id, name })));
  },
  remove: async (old, step) => {
    const { account_id } = named(old.inputs);
    const id = old.id ?? (await findLeftover(old.inputs, step))?.id;
    if (id) await step.cloudflare.ask((tunnels) => tunnels.delete(id, { account_id }).catch(ifMissing));
  },
  drift: async (old, step) => {
    const { account_id, name } = named(old.inputs);
    const found = await step.cloudflare.ask((tunnels) => tunnels.get(old.id!, { account_id }).catch(ifMissing));
    // A deleted tunnel is still answered, and says when it was deleted.
    if (!found || found.deleted_at) return { missing: true, reason: 'drift: removed by hand' };
    return found.name === name ? undefined : { missing: false, reason: `drift: named ${found.name} by hand` };
  },
};

/** What a create has left whose answer was lost: a tunnel of exactly this name that was never configured. */
async function findLeftover(inputs: Plain, { cloudflare }: Step): Promise<CloudflareTunnel | undefined> {
  const { account_id, name } = named(inputs);
  const { result } = await cloudflare.ask((tunnels) => tunnels.list({ account_id, name, is_deleted: false }));
  const found = result.find((each) => each.name === name && each.config_src === 'cloudflare');
  if (!found) return undefined;
  const { config } = await cloudflare.ask((tunnels) => tunnels.configurations.get(found.id!, { account_id }));
  return config ? undefined : found;
}

const named = (inputs: Plain) => ({ account_id: String(inputs['accountId']), name: String(inputs['name']) });

const made = ({ id, account_tag, created_at, tun_type }: CloudflareTunnel): Made =>
  ({ id: id!, outputs: { accountTag: account_tag, createdAt: created_at, tunType: tun_type } });
