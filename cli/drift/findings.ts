import type { Difference } from '../../engine/index.ts';
import type { FirewallState } from '../../host/firewall/state.ts';
import { nounOf } from '../engine-progress.ts';
import type { Finding } from './facts.ts';
import type { Step } from './plan.ts';
import type { Seen } from './scene.ts';

const does = { create: 'makes it', update: 'updates it', replace: 'replaces it', delete: 'removes it', same: 'leaves it' };

/** What the engine foresees, and what was seen beside it. A command of which something was seen is told by that alone. */
export function findingsOf(steps: readonly Step[], seen: readonly Seen[]): Finding[] {
  const told = new Set(seen.map(({ urn }) => urn));
  // What is made anew because something else is, is no difference of its own.
  const own = steps.filter(({ urn, reason = '' }) => !told.has(urn) && !/ is replaced$/.test(reason));
  return [...own.flatMap(stepFindings), ...seenFindings(seen, () => 'sets it so again')];
}

/** @param up what `up` would do about it */
export const seenFindings = (seen: readonly Seen[], up: (one: Seen) => string): Finding[] => seen.flatMap((one) => one.differences.map((each) => ({ what: one.what, ...each, up: up(one) })));

/** The Pulumi CLI does not look at what commands have set; asked to, it runs one again. A replaced DNS command would end by removing its records. */
export const upByPulumi = (stack: string) => ({ urn, what }: Seen): string => (what === 'DNS' ? 'leaves it: set it so in Cloudflare’s dashboard (DNS → Records)' : `leaves it: \`pulumi up --stack ${stack} --replace '${urn}'\` sets it so again`);

function stepFindings(step: Step): Finding[] {
  const what = nounOf(step) ?? step.name;
  const up = step.action === 'delete' && step.retained ? 'lets go of it' : does[step.action];
  return differencesOf(step).map((each) => ({ what, ...each, up }));
}

function differencesOf({ action, reason, differences = [] }: Step): readonly Difference[] {
  if (differences.length > 0) return differences;
  if (action === 'create') return [{ path: '', expected: 'there', found: 'not there' }];
  if (action === 'delete') return [{ path: '', expected: 'not there', found: 'there' }];
  return [{ path: '', expected: 'as the config and the program say', found: reason ?? 'another' }];
}

/** `up` looks at no firewall that it has set. */
export function firewallFindings(machine: string, state: FirewallState, command: string): Finding[] {
  const compared = [
    ['table', 'in force', state.table],
    ['after a restart of the machine', 'comes back', state.atStart ? 'comes back' : 'does not come back'],
    ['ports of the stack', 'opened', state.opened ? 'opened' : 'not all opened'],
    ['other ports', 'none of the stack’s', state.surplus ? 'still opened by the stack' : 'none of the stack’s'],
  ] as const;
  return compared.flatMap(([path, expected, found]) => (expected === found ? [] : [{ what: `firewall of ${machine}`, path, expected, found, up: `leaves it: \`${command}\` sets it anew` }]));
}
