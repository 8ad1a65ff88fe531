import type { Wanted } from './wanted.ts';

/** What is wrong with the public names in this zone. */
export function nameProblems({ hosts, zone, tier }: Pick<Wanted, 'hosts' | 'zone' | 'tier'>): string[] {
  return hosts.flatMap((host) => {
    const labels = labelsUnder(zone, host);
    if (!labels) return [`${host} is not in the zone ${zone}: correct drawbridge:host, or name its zone in drawbridge:cloudflare.zone`];
    // SSL/TLS, "Universal SSL: Limitations". On a host of one's own the certificate is one's own as well.
    if (tier === 'host' || labels.length < 2) return [];
    return [`${host} is ${labels.length} labels under ${zone}, and Cloudflare’s universal certificate covers ${zone} and *.${zone} only: no client would trust it. Use a name one label under the zone, such as ${labels.join('-')}.${zone}`];
  });
}

/** Those of a name that the zone does not have; none if it is not in the zone. */
function labelsUnder(zone: string, host: string): string[] | undefined {
  const [name, apex] = [host.toLowerCase(), zone.toLowerCase()];
  if (name === apex) return [];
  return name.endsWith(`.${apex}`) ? name.slice(0, -apex.length - 1).split('.') : undefined;
}
