/** What a machine's firewalls say of themselves. */
export interface FirewallFacts {
  /** Path of nft; undefined where it is missing. */
  readonly nft?: string;
  /** Zones of the interfaces that lead to the internet, where firewalld enforces. */
  readonly firewalld?: {
    readonly zones: readonly string[];
    readonly open: readonly string[];
    /** Zones as they were installed, which have no file of their own below /etc: each with the hash of what it permanently allows. */
    readonly installed: Readonly<Record<string, string>>;
  };
  /** The rules that were added to ufw, where it enforces. */
  readonly ufw?: { readonly added: readonly string[] };
  /** `nft -j list ruleset`. */
  readonly ruleset: readonly NftObject[];
  /** Rules of the older iptables, which nft does not show: `iptables-save`, by family. */
  readonly legacy: { readonly ip: string; readonly ip6: string };
  /** What an earlier run opened: the commands that close it. */
  readonly openings: readonly string[];
}

export interface NftObject {
  readonly chain?: { readonly family: string; readonly table: string; readonly name: string; readonly hook?: string; readonly policy?: string };
  readonly rule?: { readonly family: string; readonly table: string; readonly chain: string; readonly comment?: string; readonly expr: readonly Record<string, unknown>[] };
}

/** A command that prints the hash of what a zone of firewalld permanently allows. */
export const zoneHash = (zone: string): string => `firewall-cmd --permanent --zone=${zone} --list-all | md5sum | cut -d ' ' -f 1`;

export const directory = (stack: string): string => `/etc/drawbridge/${stack}`;

/**
 * Asks each tool itself. systemd is no witness: a oneshot unit stays "active" after ufw was switched off, and ufw may say
 * "active" though another firewall has flushed its rules, so that its chains have to be in force as well.
 */
export const factsScript = (stack: string): string => `
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
section() { printf '\\n%%%% %s\\n' "$1"; }
section nft; command -v nft
if [ "$(firewall-cmd --state 2>/dev/null)" = running ]; then
  zones=$(
    for interface in $( { ip route show default; ip -6 route show default; } | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p' | sort -u); do
      zone=$(firewall-cmd --get-zone-of-interface="$interface" 2>/dev/null) || zone=$(firewall-cmd --get-default-zone)
      echo "$zone"
    done | sort -u
  )
  section zones; echo "$zones"
  section zone-ports
  for zone in $zones; do firewall-cmd --zone="$zone" --list-ports | tr ' ' '\\n' | sed "s/^/$zone /"; done
  section zones-installed
  for zone in $zones; do [ -e "/etc/firewalld/zones/$zone.xml" ] || echo "$zone $(${zoneHash('$zone')})"; done
fi
if ufw status 2>/dev/null | grep -q '^Status: active' && iptables -S INPUT 2>/dev/null | grep -q -- '-j ufw-before-input'; then
  section ufw; ufw show added
fi
section ruleset; nft -j list ruleset 2>/dev/null
section legacy-ip; iptables-legacy-save 2>/dev/null
section legacy-ip6; ip6tables-legacy-save 2>/dev/null
section openings; cat ${directory(stack)}/openings ${directory(stack)}/public 2>/dev/null
true
`;

/** What a script printed after each `section NAME`. */
export const sectionsOf = (printed: string): ReadonlyMap<string, string> =>
  new Map(printed.split('\n%% ').slice(1).map((section) => [section.slice(0, section.indexOf('\n')), section.slice(section.indexOf('\n') + 1).trim()] as const));

export function parseFacts(printed: string): FirewallFacts {
  const sections = sectionsOf(printed);
  const list = (name: string): string[] => (sections.get(name) ?? '').split('\n').filter((line) => line.trim() !== '');
  return {
    nft: sections.get('nft') || undefined,
    firewalld: sections.has('zones') ? { zones: list('zones'), open: list('zone-ports'), installed: Object.fromEntries(list('zones-installed').map((line) => line.split(' '))) } : undefined,
    ufw: sections.has('ufw') ? { added: list('ufw').filter((line) => line.startsWith('ufw ')) } : undefined,
    ruleset: JSON.parse(sections.get('ruleset') || '{"nftables":[]}').nftables,
    legacy: { ip: sections.get('legacy-ip') ?? '', ip6: sections.get('legacy-ip6') ?? '' },
    openings: list('openings'),
  };
}
