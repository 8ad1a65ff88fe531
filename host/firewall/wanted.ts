/** What the firewall of one machine is to let through for one stack. */
export interface Wanted {
  /** `local` or `ssh://user@host[:port]`. */
  readonly target: string;
  readonly stack: string;
  /** Which firewall to open ports in: whatever really enforces (`auto`), or a named one. */
  readonly enforcer: 'auto' | 'firewalld' | 'ufw' | 'nftables';
  /** What the names of the stack's bridges begin with. */
  readonly bridges: string;
  /** Ports of the machine that the internet may reach. */
  readonly publicPorts: readonly number[];
  /** Ports of the machine behind which the stack's containers listen: for its own front, whatever address they are published on. */
  readonly privatePorts: readonly number[];
  /** Where the front is on another machine: the one address from which some of them may be reached. */
  readonly proxy?: { readonly address: string; readonly ports: readonly number[] };
  /** Where a tunnel's connectors find the front, and by which user it listens there; and where they say how they are. */
  readonly connectors?: { readonly front: number; readonly user: number; readonly metrics: readonly number[] };
  /** The bridge that the front's requests go to, and the containers' own ports there. */
  readonly upstream?: { readonly bridge: string; readonly ports: readonly number[] };
}

/** The stack's table in nftables, in the family inet. */
export const tableName = (stack: string): string => `drawbridge_${stack.replaceAll('-', '_')}`;

/** By which our rules are known among those of others. */
export const ruleComment = (stack: string): string => `drawbridge ${stack}`;

export const familyOf = (address: string): 'ip' | 'ip6' => (address.includes(':') ? 'ip6' : 'ip');
