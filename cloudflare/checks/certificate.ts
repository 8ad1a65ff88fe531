import { listed } from '../api.ts';
import type { Finding, Looked } from './finding.ts';

/** Whether the edge has a certificate for each public name. */
export async function checkCertificates({ api, found, hosts }: Looked): Promise<Finding[]> {
  const packs = await listed(`reading the certificates of ${found.name}`, api.ssl.certificatePacks.list({ zone_id: found.id, status: 'all' }));
  return hosts.flatMap((host): Finding[] => {
    const covering = packs.filter((pack) => pack.hosts.some((name) => covers(name, host)));
    if (covering.some(({ status }) => status === 'active')) return [];
    if (covering.length > 0) return [{ check: 'certificate', problem: `The certificate for ${host} is not issued yet (${covering[0]!.status}): TLS connections fail.`, remedy: 'Wait; if it stays so for a day, see SSL/TLS → Edge Certificates for what it waits for.' }];
    return [
      {
        check: 'certificate',
        // SSL/TLS, "Universal SSL: Limitations".
        problem: `No certificate at the edge covers ${host}: TLS connections fail. The universal certificate covers ${found.name} and one label under it.`,
        remedy: `Use a name one label under ${found.name} (drawbridge:host), or order an advanced certificate for ${host} (SSL/TLS → Edge Certificates).`,
      },
    ];
  });
}

/** RFC 9525 §6.3: a wildcard stands for one label. */
const covers = (pattern: string, host: string): boolean => pattern === host || (pattern.startsWith('*.') && host.slice(host.indexOf('.')) === pattern.slice(1));
