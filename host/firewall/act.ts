import { type Enforcers, findEnforcers, namesOf } from './enforcers.ts';
import { factsScript, type FirewallFacts, parseFacts } from './facts.ts';
import { type Opening, openingsFor, surplusOf } from './openings.ts';
import { closeScript, guardScript, openScript, removeScript, surplusScript } from './scripts.ts';
import type { Wanted } from './wanted.ts';
import { HostError, runScript } from '../shell.ts';

/**
 * Brings one machine's firewall to what a stack wants, however it is.
 * @param closes also what an earlier run opened and nobody wants any more. Not while something is on the move: what serves until then has to be reached.
 * @returns what was done, in words
 */
export async function applyFirewall(wanted: Wanted, { closes }: { closes: boolean }): Promise<string> {
  const { facts, enforcers } = await look(wanted);
  const own = openingsFor({ ...wanted, publicPorts: [] }, enforcers, facts);
  const front = frontOpenings(wanted, enforcers, facts);
  await asRoot(wanted.target, guardScript(wanted, own));
  if (front.length > 0) await asRoot(wanted.target, openScript(wanted.stack, front));
  if (closes) await asRoot(wanted.target, surplusScript(wanted.stack, surplusOf([...own, ...front], enforcers, facts)));
  return `firewall of ${wanted.target}: ${namesOf(enforcers).join(', ') || 'no firewall to open a port in'}; a table of our own for what Docker publishes`;
}

/** Opens the ports of the front, on a machine whose firewall was applied. */
export async function openPorts(wanted: Wanted): Promise<string> {
  const { facts, enforcers } = await look(wanted);
  await asRoot(wanted.target, openScript(wanted.stack, frontOpenings(wanted, enforcers, facts)));
  return `firewall of ${wanted.target}: ${wanted.publicPorts.join(' and ')} opened in ${namesOf(enforcers).join(', ') || 'none, since none closes them'}`;
}

/** Closes them, and leaves the rest as it is. */
export async function closePorts(wanted: Wanted): Promise<string> {
  return (await asRoot(wanted.target, closeScript(wanted))).trim();
}

/** Removes a stack from it. */
export async function removeFirewall(wanted: Wanted): Promise<string> {
  return (await asRoot(wanted.target, removeScript(wanted))).trim();
}

async function look(wanted: Wanted): Promise<{ facts: FirewallFacts; enforcers: Enforcers }> {
  const facts = parseFacts(await asRoot(wanted.target, factsScript(wanted.stack)));
  if (!facts.nft) throw new HostError(`${wanted.target} has no nft, with which ports that Docker publishes are closed: install the package nftables.`);
  return { facts, enforcers: findEnforcers(facts, wanted.enforcer) };
}

const frontOpenings = ({ proxy: _, ...wanted }: Wanted, enforcers: Enforcers, facts: FirewallFacts): Opening[] => openingsFor(wanted, enforcers, facts);

async function asRoot(target: string, script: string): Promise<string> {
  const { code, stdout, stderr } = await runScript(target, script, { root: true });
  if (code !== 0) throw new HostError(`${target}: the firewall was not changed as it should be: ${stderr.trim() || stdout.trim()}`);
  return stdout;
}
