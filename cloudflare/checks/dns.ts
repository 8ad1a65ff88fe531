import { recordsAt, leads, inWords } from '../dns/records.ts';
import { tunnelName, tunnelsOf } from '../tunnel/tunnels.ts';
import type { Finding, Looked } from './finding.ts';

/** Whether the public names lead to the tunnel, by way of the edge. */
export async function checkDns({ api, found, hosts, accountId, stack }: Looked): Promise<Finding[]> {
  const tunnel = (await tunnelsOf(api, accountId, stack)).find(({ name }) => name === tunnelName(stack));
  // Without the tunnel there is nowhere to lead to, which its own check says.
  if (!tunnel) return [];
  const records = (await recordsAt(api, found.id, hosts)).filter(leads);
  return hosts.flatMap((host): Finding[] => {
    const wanted = { type: 'CNAME', name: host, content: `${tunnel.id}.cfargotunnel.com`, proxied: true } as const;
    const [record, ...more] = records.filter(({ name }) => name === host.toLowerCase());
    if (!record) return [{ check: 'dns', problem: `${host} has no DNS record: nobody finds it.`, remedy: `Add the record ${inWords(wanted)}, proxied (DNS → Records).` }];
    if (record.type !== 'CNAME' || record.content !== wanted.content)
      return [{ check: 'dns', problem: `${host} does not lead to the stack’s tunnel: ${[record, ...more].map(inWords).join(', ')}.`, remedy: `Replace it with ${inWords(wanted)}, proxied (DNS → Records).` }];
    // A tunnel's name has no address that one could connect to (Cloudflare Tunnel, "DNS records").
    return record.proxied ? [] : [{ check: 'dns', problem: `The DNS record ${inWords(record)} is not proxied, and leads to no address.`, remedy: 'Switch its proxy status to “Proxied” (DNS → Records).' }];
  });
}
