import type { Config } from '../../infra/config.ts';
import { deriveEndpoints } from '../../infra/endpoints.ts';
import { edgeSubject } from '../../infra/edge-subject.ts';
import { plainSecret } from '../stack-file.ts';
import type { Facts } from './facts.ts';

/** What keeps clients out on Cloudflare's side, where a stack is behind a tunnel. */
export async function lookAtEdge(stack: string, config: Config | undefined): Promise<Facts['edge']> {
  if (config?.tier !== 'tunnel' || !config.cloudflare) return undefined;
  const { zone, token: reference } = config.cloudflare;
  // The Pulumi CLI alone can read what it has encrypted.
  const token = process.env.CLOUDFLARE_API_TOKEN || plainSecret(stack, reference.secret);
  if (!token) return { unknown: 'give its API token as CLOUDFLARE_API_TOKEN' };
  // Loaded late: the SDK is large.
  const [{ connect }, { diagnose }] = await Promise.all([import('../../cloudflare/api.ts'), import('../../cloudflare/diagnose.ts')]);
  return diagnose({ ...edgeSubject(config, deriveEndpoints(config)), stack, zone, api: connect({ token }) });
}
