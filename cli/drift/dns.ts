import type { WantedDns } from '../../cloudflare/dns/records.ts';
import { CommandError } from '../errors.ts';
import { commandOf, type Scene, type Sight } from './scene.ts';

/** The records of the public names, where they are the stack's. Its state has the token. */
export async function lookAtDns(scene: Scene): Promise<Partial<Sight>> {
  const command = commandOf(scene, 'dns');
  if (!command) return {};
  const { CLOUDFLARE_WANTED: wanted = '', CLOUDFLARE_API_TOKEN: token = '' } = command.inputs['environment'] as Record<string, string>;
  // Loaded late: the SDK is large.
  const [{ connect, CloudflareError }, { recordDifferences }] = await Promise.all([import('../../cloudflare/api.ts'), import('../../cloudflare/dns/look.ts')]);
  try {
    const found = await recordDifferences(connect({ token }), JSON.parse(wanted) as WantedDns);
    return { seen: found.map(({ name, ...records }) => ({ urn: command.urn, what: 'DNS', differences: [{ path: name, ...records }] })) };
  } catch (error) {
    throw error instanceof CloudflareError ? new CommandError(error.message) : error;
  }
}
