import { quote } from '../shell.ts';
import type { ClosedChain, Enforcers } from './enforcers.ts';
import { type FirewallFacts, zoneHash } from './facts.ts';
import { familyOf, ruleComment, type Wanted } from './wanted.ts';

/** One command that opens and one that closes again; `atStart` is repeated when the machine starts, since the tool forgets it. */
export interface Opening {
  readonly open: string;
  readonly close: string;
  readonly atStart?: boolean;
}

/** Ports, for everybody or for one address. */
interface Ports {
  readonly ports: readonly number[];
  readonly from?: string;
}

/** What lets the wanted ports through the firewalls that enforce, with their own tools. What is open already stays the user's. */
export function openingsFor(wanted: Wanted, enforcers: Enforcers, facts: FirewallFacts): Opening[] {
  const needs: Ports[] = [
    ...(wanted.publicPorts.length > 0 ? [{ ports: wanted.publicPorts }] : []),
    ...(wanted.proxy ? [{ ports: wanted.proxy.ports, from: wanted.proxy.address }] : []),
  ];
  const opened = needs.flatMap((need) => [
    ...(enforcers.ufw ? ufw(need, wanted.stack, facts) : []),
    ...(enforcers.firewalld ? firewalld(need, wanted.stack, facts) : []),
    ...enforcers.plain.flatMap((chain) => plain(need, wanted.stack, chain)),
  ]);
  return enforcers.firewalld && needs.length > 0 ? [...installedZones(facts), ...opened] : opened;
}

/**
 * What was opened earlier and nobody wants any more, as far as its firewall enforces. One that does not may be switched on again, and
 * would find its rule gone.
 */
export function surplusOf(openings: readonly Opening[], enforcers: Enforcers, facts: FirewallFacts): string[] {
  const wanted = openings.map(({ close }) => close);
  const sleeps = (line: string): boolean => (!enforcers.ufw && line.startsWith('ufw ')) || (!enforcers.firewalld && line.includes('firewall-cmd'));
  return facts.openings.filter((line) => !wanted.includes(line) && !sleeps(line));
}

/**
 * With the first permanent change of a zone, firewalld writes a file for it below /etc. Undone last of all, and only while nobody else
 * has changed the zone since.
 */
function installedZones({ firewalld, openings }: FirewallFacts): Opening[] {
  return firewalld!.zones.flatMap((zone) => {
    // It keeps a file as it was before its last change.
    const toDefaults = `{ firewall-cmd --permanent --load-zone-defaults=${zone} && rm -f /etc/firewalld/zones/${zone}.xml.old; }`;
    const hash = firewalld!.installed[zone];
    const close = openings.find((line) => line.endsWith(toDefaults)) ?? (hash && `[ "$(${zoneHash(zone)})" != ${hash} ] || ${toDefaults}`);
    return close ? [{ open: ':', close }] : [];
  });
}

function ufw({ ports, from }: Ports, stack: string, { ufw }: FirewallFacts): Opening[] {
  const rule = `allow proto tcp from ${from ?? 'any'} to any port ${ports.join(',')}`;
  // As ufw itself writes it. It knows one rule of a kind only: ours would take the user's place, and go with it.
  const written = from ? `ufw allow from ${from} to any port ${ports.join(',')} proto tcp` : `ufw allow ${ports.join(',')}/tcp`;
  const same = ufw!.added.find((line) => line === written || line.startsWith(`${written} `));
  if (same && !same.includes(`comment '${ruleComment(stack)}'`)) return [];
  // One whose chains somebody flushed stops after the first family; the second time it finds only the other.
  const remove = `ufw --force delete ${rule}`;
  return [{ open: `ufw ${rule} comment ${quote(ruleComment(stack))}`, close: `${remove} || ${remove}` }];
}

/**
 * firewalld takes a new service up when it reloads, which would drop what somebody set for the time being: so the service, which
 * carries the stack's name, is for the next start, and the ports as such are for now.
 */
function firewalld({ ports, from }: Ports, stack: string, { firewalld, openings }: FirewallFacts): Opening[] {
  const service = `drawbridge-${stack}${from ? '-app' : ''}`;
  const family = from && familyOf(from).replace(/^ip$/, 'ipv4').replace(/^ip6$/, 'ipv6');
  const rich = (what: string): string => quote(`rule family="${family}" source address="${from}" ${what} accept`);
  const define: Opening = {
    open: `{ firewall-cmd --permanent --get-services | tr ' ' '\\n' | grep -qxF ${service} || firewall-cmd --permanent --new-service=${service}; } && firewall-cmd --permanent --service=${service} ${ports.map((port) => `--add-port=${port}/tcp`).join(' ')}`,
    close: `if firewall-cmd --state; then firewall-cmd --permanent --delete-service=${service}; else firewall-offline-cmd --delete-service=${service}; fi && rm -f /etc/firewalld/services/${service}.xml.old`,
  };
  const used = firewalld!.zones.flatMap((zone) => {
    const inZone = from ? `-rich-rule=${rich(`service name="${service}"`)}` : `-service=${service}`;
    const later: Opening = {
      open: `firewall-cmd --permanent --zone=${zone} --add${inZone}`,
      close: `if firewall-cmd --state; then firewall-cmd --permanent --zone=${zone} --remove${inZone}; firewall-cmd --zone=${zone} --remove${inZone} || true; else firewall-offline-cmd --zone=${zone} --remove${inZone}; fi`,
    };
    const now = ports.flatMap((port) => {
      const what = from ? `-rich-rule=${rich(`port port="${port}" protocol="tcp"`)}` : `-port=${port}/tcp`;
      const close = `! firewall-cmd --state || firewall-cmd --zone=${zone} --remove${what}`;
      const theirs = !from && firewalld!.open.includes(`${zone} ${port}/tcp`) && !openings.includes(close);
      return theirs ? [] : [{ open: `firewall-cmd --zone=${zone} --add${what}`, close }];
    });
    return [...now, later];
  });
  return [define, ...used];
}

/** In front of the rule that refuses the rest, behind everything that refuses more than that. */
function plain({ ports, from }: Ports, stack: string, { tool, family, table, chain }: ClosedChain): Opening[] {
  const own = from && familyOf(from);
  if (tool !== 'nft') {
    if (own && own !== family) return [];
    const rule = `-p tcp ${from ? `-s ${from} ` : ''}-m multiport --dports ${ports.join(',')} -m comment --comment ${quote(ruleComment(stack))} -j ACCEPT`;
    const position = `$(${tool} -S INPUT | awk '/^-A/ { n++; last = $0 } END { if (last ~ /^-A INPUT -j (DROP|REJECT|[^ ]*$)/) print n; else print n + 1 }')`;
    return [{ open: `${tool} -C INPUT ${rule} 2>/dev/null || ${tool} -I INPUT ${position} ${rule}`, close: `${tool} -D INPUT ${rule}`, atStart: true }];
  }
  if (own && family !== 'inet' && own !== family) return [];
  const where = `${family} ${table} ${chain}`;
  const comment = `${ruleComment(stack)}: ${ports.join(',')}`;
  const listed = `nft -a list chain ${where} | grep '# handle' | grep -v '{ # handle'`;
  // An unconditional end of the chain starts with its verdict, perhaps after a counter.
  const last = `$(${listed} | tail -n 1 | sed -nE 's/^[[:space:]]*(counter packets [0-9]+ bytes [0-9]+ )?(log [^#]*)?(drop|reject|jump|goto)[^#]*# handle ([0-9]+)$/\\4/p')`;
  const rule = `${from ? `${own} saddr ${from} ` : ''}tcp dport { ${ports.join(', ')} } accept comment "${comment}"`;
  return [
    {
      open: `${listed} | grep -qF 'comment "${comment}"' || { last=${last}; printf '%s rule ${where} %s ${rule}\\n' "$([ "$last" ] && echo insert || echo add)" "\${last:+position $last}" | nft -f -; }`,
      close: `for handle in $(${listed} | sed -n 's/.*comment "${comment}".*# handle \\([0-9]*\\)$/\\1/p'); do nft delete rule ${where} handle "$handle"; done`,
      atStart: true,
    },
  ];
}
