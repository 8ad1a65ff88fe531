import { isDeepStrictEqual } from 'node:util';
import type Cloudflare from 'cloudflare';
import type { Zone } from 'cloudflare/resources/zones/zones';
import { asked, CloudflareError } from '../api.ts';
import { isOf, type Phase, type WantedRule } from './wanted.ts';

/** A rule that is there: ours, somebody else's, or one that Cloudflare's dashboard made. */
export interface StandingRule extends Omit<WantedRule, 'description'> {
  readonly id: string;
  readonly description?: string;
  readonly enabled: boolean;
  readonly ref?: string;
}

/** The ruleset that a phase of the zone begins with. It is shared: at most one, whoever made it (Ruleset Engine, "Phases"). */
export interface EntryPoint {
  readonly id: string;
  readonly description?: string;
  readonly rules: readonly StandingRule[];
}

interface Product {
  readonly name: string;
  /** Where people see it in the dashboard. */
  readonly place: string;
  /** How many rules a zone may have by its plan. Enterprise contracts differ. */
  readonly limits: Readonly<Record<string, number>>;
  /** Of rules that match, the last decides about the cache (Cache Rules, "Order and priority"); the first that blocks or skips decides about the rest. */
  readonly decides: 'first' | 'last';
}

/** Cloudflare's docs: "Cache Rules: Availability", "Custom rules: Availability". */
export const PRODUCTS: Readonly<Record<Phase, Product>> = {
  http_request_cache_settings: { name: 'cache rules', place: 'Caching → Cache Rules', limits: { free: 10, pro: 25, business: 50 }, decides: 'last' },
  http_request_firewall_custom: { name: 'custom rules', place: 'Security → Security rules', limits: { free: 5, pro: 20, business: 100 }, decides: 'first' },
};

/** Says that Drawbridge made the ruleset, of whichever stack: the last one to go takes it along. */
const MADE = 'Made by Drawbridge for its rules';
/** "exceeded maximum number of zone rulesets for phase": somebody else made one just now. */
const EXISTS = 20217;

export async function readEntryPoint(api: Cloudflare, zone: Zone, phase: Phase): Promise<EntryPoint | undefined> {
  try {
    const { id, description, rules } = await asked(`reading the ${PRODUCTS[phase].name} of ${zone.name}`, api.rulesets.phases.get(phase, { zone_id: zone.id }));
    // An answer about a ruleset without rules may leave the field out.
    return { id, description, rules: (rules as StandingRule[] | undefined) ?? [] };
  } catch (error) {
    if (error instanceof CloudflareError && error.status === 404) return undefined;
    throw error;
  }
}

/** As Cloudflare calls it; the SDK’s type leaves the field out. */
const planOf = ({ plan }: Zone): string => (plan as { legacy_id?: string } | undefined)?.legacy_id ?? '';

/** @returns why the plan has no room for one more rule */
export function noRoom(zone: Zone, phase: Phase, { rules }: EntryPoint, stack: string): string | undefined {
  const { name, place, limits } = PRODUCTS[phase];
  const limit = limits[planOf(zone)] ?? Infinity;
  if (rules.length < limit || rules.some(({ description }) => isOf(stack, description))) return undefined;
  return `The zone ${zone.name} has ${rules.length} ${name}, as many as its plan (${planOf(zone)}) allows, and Drawbridge needs one more: delete one that is not used, or join two (${place}), or take a larger plan.`;
}

/**
 * Brings the stack's own rule of a phase to what it is to be. Others' rules keep their order and stay as they are: a ruleset is never
 * written as a whole, which would undo what somebody adds at the same time.
 */
export async function settle(api: Cloudflare, zone: Zone, phase: Phase, standing: EntryPoint | undefined, stack: string, wanted: WantedRule | undefined): Promise<void> {
  const { name } = PRODUCTS[phase];
  const to = (what: string) => `${what} the ${name} of ${zone.name}`;
  const rule = wanted && { ...wanted, enabled: true };
  if (!standing) {
    if (rule) await unlessMoved(asked(to('beginning'), api.rulesets.create({ zone_id: zone.id, kind: 'zone', phase, name: 'default', description: MADE, rules: [rule as never] })));
    return;
  }
  const ruleset_id = standing.id;
  const at = { zone_id: zone.id, ruleset_id };
  const ours = standing.rules.filter(({ description }) => isOf(stack, description));
  // A second one is left where a call was repeated whose answer was lost.
  const [kept, surplus] = rule ? [ours[0], ours.slice(1)] : [undefined, ours];
  for (const { id } of surplus) await unlessMoved(asked(to('deleting one of'), api.rulesets.rules.delete(id, at)));
  const others = standing.rules.filter((each) => !ours.includes(each));
  if (rule && !kept) await unlessMoved(asked(to('adding to'), api.rulesets.rules.create(ruleset_id, { zone_id: zone.id, ...rule, position: placeAmong(phase, others) } as never)));
  if (rule && kept && (differs(rule, kept) || misplaced(phase, standing.rules, kept)))
    await unlessMoved(asked(to('changing one of'), api.rulesets.rules.edit(kept.id, { ...at, ...rule, position: placeAmong(phase, others) } as never)));
  if (rule || others.length > 0 || standing.description !== MADE) return;
  // Another look: whoever adds a rule between that and the call loses it, and there is none that deletes only what is empty.
  if ((await readEntryPoint(api, zone, phase))?.rules.length === 0) await unlessMoved(asked(to('ending'), api.rulesets.delete(ruleset_id, { zone_id: zone.id })));
}

const differs = (wanted: WantedRule & { enabled: boolean }, there: StandingRule): boolean =>
  (['action', 'expression', 'description', 'enabled'] as const).some((key) => wanted[key] !== there[key]) || !isDeepStrictEqual(wanted.action_parameters, there.action_parameters);

/** Whether a rule of somebody else's stands where it could decide in place of ours. Those of other stacks are about other hosts. */
function misplaced(phase: Phase, rules: readonly StandingRule[], ours: StandingRule): boolean {
  const index = rules.indexOf(ours);
  const stronger = PRODUCTS[phase].decides === 'first' ? rules.slice(0, index) : rules.slice(index + 1);
  return stronger.some(({ description }) => !description?.startsWith('drawbridge '));
}

/** Ruleset Engine, "Change the order of a rule in a ruleset". */
function placeAmong(phase: Phase, others: readonly StandingRule[]): { before: string } | { after: string } | undefined {
  if (others.length === 0) return undefined;
  return PRODUCTS[phase].decides === 'first' ? { before: others[0]!.id } : { after: others.at(-1)!.id };
}

/** Somebody else changed the ruleset between the look at it and this call: another look tells what is left to do. */
async function unlessMoved(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof CloudflareError)) throw error;
    const { message, status, codes } = error;
    throw status === 404 || codes.includes(EXISTS) ? new CloudflareError(message, { status, codes, passing: true }) : error;
  }
}
