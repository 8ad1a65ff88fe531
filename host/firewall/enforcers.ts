import { HostError } from '../shell.ts';
import type { FirewallFacts, NftObject } from './facts.ts';
import type { Wanted } from './wanted.ts';

/** A chain for incoming packets that ends in a refusal. `tool` is what its rules are written with. */
export interface ClosedChain {
  readonly tool: 'nft' | 'iptables' | 'ip6tables' | 'iptables-legacy' | 'ip6tables-legacy';
  readonly family: string;
  readonly table: string;
  readonly chain: string;
}

/** In which of a machine's firewalls a port has to be opened. More than one may enforce: a packet has to pass all of them. */
export interface Enforcers {
  readonly firewalld: boolean;
  readonly ufw: boolean;
  readonly plain: readonly ClosedChain[];
}

/** @throws HostError where the firewall that the config names does not enforce */
export function findEnforcers(facts: FirewallFacts, wish: Wanted['enforcer']): Enforcers {
  const found: Enforcers = { firewalld: facts.firewalld !== undefined, ufw: facts.ufw !== undefined, plain: closedChains(facts) };
  const enforcing = [found.firewalld && 'firewalld', found.ufw && 'ufw', found.plain.length > 0 && 'nftables'].filter(Boolean);
  if (wish === 'auto') return found;
  if (!enforcing.includes(wish))
    throw new HostError(`drawbridge:firewall is ${wish}, which does not enforce there; what does: ${enforcing.join(', ') || 'nothing'}. Set it to auto, or switch ${wish} on.`);
  return { firewalld: wish === 'firewalld', ufw: wish === 'ufw', plain: wish === 'nftables' ? found.plain : [] };
}

/** What they are called, for a person. */
export const namesOf = ({ firewalld, ufw, plain }: Enforcers): string[] => [
  ...(firewalld ? ['firewalld'] : []),
  ...(ufw ? ['ufw'] : []),
  ...plain.map(({ tool, family, table, chain }) => `${tool} ${family} ${table} ${chain}`),
];

/** Base chains that refuse what no rule lets in, but for those that firewalld and ufw manage themselves. */
function closedChains({ ruleset, legacy, ufw }: FirewallFacts): ClosedChain[] {
  const chains = ruleset.flatMap(({ chain }) => (chain?.hook === 'input' ? [chain] : []));
  const closed = chains
    .filter(({ table }) => table !== 'firewalld' && !table.startsWith('drawbridge_'))
    .filter((chain) => chain.policy === 'drop' || refuses(lastRule(ruleset, chain.family, chain.table, chain.name), ruleset))
    .map(({ family, table, name }): ClosedChain => {
      // iptables does not read its own tables any more once nft has written a rule of another kind into them.
      const iptables = name === 'INPUT' && table === 'filter' && { ip: 'iptables', ip6: 'ip6tables' }[family];
      return { tool: (iptables || 'nft') as ClosedChain['tool'], family, table, chain: name };
    });
  const old = (['ip', 'ip6'] as const)
    .filter((family) => /^:INPUT DROP/m.test(legacy[family]) || /-A INPUT -j (DROP|REJECT\b.*)$/.test(legacy[family].match(/^-A INPUT .*$/gm)?.at(-1) ?? ''))
    .map((family): ClosedChain => ({ tool: family === 'ip' ? 'iptables-legacy' : 'ip6tables-legacy', family, table: 'filter', chain: 'INPUT' }));
  return [...closed, ...old].filter(({ tool }) => !(ufw && tool !== 'nft'));
}

type Rule = NonNullable<NftObject['rule']>;

const lastRule = (ruleset: readonly NftObject[], family: string, table: string, chain: string): Rule | undefined =>
  ruleset.flatMap(({ rule }) => (rule?.family === family && rule.table === table && rule.chain === chain ? [rule] : [])).at(-1);

/** Whether a rule refuses everything that comes to it, by itself or at the end of the chain it leads to. */
function refuses(rule: Rule | undefined, ruleset: readonly NftObject[]): boolean {
  const verdicts = rule?.expr.filter((expression) => !('counter' in expression) && !('log' in expression) && !('limit' in expression)) ?? [];
  const [verdict] = verdicts;
  if (!rule || !verdict || verdicts.length > 1 || rule.expr.some((expression) => 'limit' in expression)) return false;
  const target = ((verdict['jump'] ?? verdict['goto']) as { target: string } | undefined)?.target;
  // iptables' REJECT is a match that nft cannot say in its own words.
  const xt = (verdict['xt'] as { type?: string; name?: string } | undefined)?.name;
  return 'drop' in verdict || 'reject' in verdict || xt === 'REJECT' || (target !== undefined && target !== rule.chain && refuses(lastRule(ruleset, rule.family, rule.table, target), ruleset));
}
