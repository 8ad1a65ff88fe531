import { tunnelName, tunnelsOf } from '../tunnel/tunnels.ts';
import type { Finding, Looked } from './finding.ts';

/** Whether there is a tunnel, and a connector that brings requests through it. */
export async function checkTunnel({ api, accountId, stack }: Looked): Promise<Finding[]> {
  const tunnel = (await tunnelsOf(api, accountId, stack)).find(({ name }) => name === tunnelName(stack));
  if (!tunnel) return [{ check: 'tunnel', problem: `There is no tunnel ${tunnelName(stack)}: somebody has deleted it.`, remedy: 'Run `pulumi up --refresh`, which makes it anew.' }];
  // Healthy, or degraded: some connection is lost, and others serve.
  if (tunnel.status === 'healthy' || tunnel.status === 'degraded') return [];
  const never = tunnel.status === 'inactive' ? 'and never had one' : 'any longer';
  return [
    {
      check: 'tunnel',
      problem: `The tunnel ${tunnel.name} has no connector ${never} (${tunnel.status}): Cloudflare answers 530, error 1033.`,
      remedy: 'See whether the connectors’ containers run (`npm run status`), and what they say (`docker logs`). They have to get out to Cloudflare at port 7844, by UDP or TCP.',
    },
  ];
}
