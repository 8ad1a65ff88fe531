import { HostError, runScript } from '../shell.ts';
import { findEnforcers, namesOf } from './enforcers.ts';
import { directory, factsScript, type FirewallFacts, parseFacts, sectionsOf } from './facts.ts';
import { openingsFor, surplusOf } from './openings.ts';
import { unitName } from './unit.ts';
import { tableName, type Wanted } from './wanted.ts';

/** How a machine's firewall stands to what a stack set there. */
export interface FirewallState {
  /** `changed`: it is not as the stack made it. */
  readonly table: 'in force' | 'changed' | 'missing';
  /** Whether it comes back when the machine starts. */
  readonly atStart: boolean;
  /** What enforces there besides: ufw, firewalld, or a closed chain. */
  readonly enforcers: readonly string[];
  /** Whether the stack's ports are opened in all of these. */
  readonly opened: boolean;
  /** Whether more is open there than the stack wants by now. */
  readonly surplus: boolean;
  /** Whether Docker's own rules are there, without which containers reach nothing outside. */
  readonly docker: boolean;
}

/** The table as it would be listed if it had just been loaded: nft writes it in its own words, in a network that nobody is on. */
const stateScript = (stack: string): string => `${factsScript(stack)}
table="inet ${tableName(stack)}"
section table; nft -s list table $table 2>/dev/null
section made; unshare --net sh -c "nft -f ${directory(stack)}/firewall.nft && nft -s list table $table" 2>/dev/null
# Whoever has taken the rules from Docker sees to them.
section docker; if grep -qs '"iptables": *false' /etc/docker/daemon.json || iptables -t nat -S DOCKER >/dev/null 2>&1 || nft list table ip docker-bridges >/dev/null 2>&1; then echo yes; fi
section unit; systemctl is-enabled ${unitName(stack)} 2>/dev/null
true
`;

/** Changes nothing. @throws HostError where root is not to be had, or the machine cannot be reached */
export async function firewallState(wanted: Wanted): Promise<FirewallState> {
  const { code, stdout, stderr } = await runScript(wanted.target, stateScript(wanted.stack), { root: true });
  if (code !== 0) throw new HostError(`${wanted.target}: its firewall could not be looked at: ${stderr.trim()}`);
  return parseState(stdout, wanted);
}

export function parseState(printed: string, wanted: Wanted): FirewallState {
  const facts = parseFacts(printed);
  const sections = sectionsOf(printed);
  const table = sections.get('table');
  return {
    table: !table ? 'missing' : table === sections.get('made') ? 'in force' : 'changed',
    atStart: sections.get('unit') === 'enabled',
    enforcers: namesOf(findEnforcers(facts, 'auto')),
    ...openingState(wanted, facts),
    docker: sections.get('docker') === 'yes',
  };
}

function openingState(wanted: Wanted, facts: FirewallFacts): Pick<FirewallState, 'opened' | 'surplus'> {
  try {
    const enforcers = findEnforcers(facts, wanted.enforcer);
    const openings = openingsFor(wanted, enforcers, facts);
    return { opened: openings.every(({ close }) => facts.openings.includes(close)), surplus: surplusOf(openings, enforcers, facts).length > 0 };
  } catch {
    // The config names one that does not enforce.
    return { opened: false, surplus: false };
  }
}
