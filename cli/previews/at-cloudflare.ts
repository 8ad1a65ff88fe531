import type { Config } from '../../infra/config.ts';
import { plainSecret } from '../stack-file.ts';

export interface AtCloudflare {
  readonly dns: string[];
  readonly tunnels: string[];
  readonly unchecked: string[];
}

/**
 * What a stack has in its zone and account at Cloudflare, by what Cloudflare itself says.
 * @param file the stack whose file may have the token
 */
export async function atCloudflare(stack: string, cloudflare: Config['cloudflare'], file?: string): Promise<AtCloudflare> {
  if (!cloudflare) return { dns: [], tunnels: [], unchecked: [] };
  const { accountId, zone, token: reference } = cloudflare;
  // Where the Pulumi CLI keeps the secrets, nothing here can read what it has encrypted.
  const token = process.env.CLOUDFLARE_API_TOKEN || (file !== undefined && plainSecret(file, reference.secret));
  if (!token) return { dns: [], tunnels: [], unchecked: ['DNS records and tunnels at Cloudflare: give the API token as CLOUDFLARE_API_TOKEN'] };
  // Loaded late: the SDK is large.
  const [{ connect }, { inWords, recordsOf }, { tunnelsOf }, { zoneSeen }] = await Promise.all([import('../../cloudflare/api.ts'), import('../../cloudflare/dns/records.ts'), import('../../cloudflare/tunnel/tunnels.ts'), import('../../cloudflare/zone.ts')]);
  const api = connect({ token });
  const [records, tunnels] = await Promise.all([recordsOf(api, (await zoneSeen(api, zone)).id, stack), tunnelsOf(api, accountId, stack)]);
  return { dns: records.map(inWords), tunnels: tunnels.map((tunnel) => tunnel.name), unchecked: [] };
}
