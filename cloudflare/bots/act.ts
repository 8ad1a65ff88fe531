import type Cloudflare from 'cloudflare';
import type { Zone } from 'cloudflare/resources/zones/zones';
import { readEntryPoint } from '../rules/entry-point.ts';
import { isOf } from '../rules/wanted.ts';
import { zoneSeen } from '../zone.ts';
import { blockingIn, BOT_SETTINGS, readBotSettings, type Value, writeBotSettings } from './settings.ts';

export interface WantedBots {
  readonly stack: string;
  readonly zone: string;
}

/** What was there before Drawbridge changed it: field → value. */
export type Memory = Readonly<Record<string, Value>>;

/**
 * What has to be put back one day: all that keeps assistants out now, and what an earlier run remembered, unless somebody has changed
 * that since. Reads only, so that it can be kept in a state before anything is changed.
 */
export async function rememberBots(api: Cloudflare, { zone }: WantedBots, earlier: Memory): Promise<Memory> {
  const settings = await readBotSettings(api, await zoneSeen(api, zone));
  const remembered = BOT_SETTINGS.filter(({ field, allows }) => field in earlier && settings[field] === allows).map(({ field }) => [field, earlier[field]!]);
  return Object.fromEntries([...remembered, ...blockingIn(settings).map(({ field }) => [field, settings[field]])]);
}

/** Has the zone let assistants and programs in. Writes only what keeps them out, and so no field that the zone's plan has not. */
export async function allowBots(api: Cloudflare, { zone: name }: WantedBots): Promise<void> {
  const zone = await zoneSeen(api, name);
  const blocking = blockingIn(await readBotSettings(api, zone));
  await writeBotSettings(api, zone, Object.fromEntries(blocking.map(({ field, allows }) => [field, allows])));
}

/** Puts back what was there, but for what somebody has changed since. @returns what was done, and what was left and why */
export async function restoreBots(api: Cloudflare, { stack, zone: name }: WantedBots, was: Memory): Promise<string> {
  if (Object.keys(was).length === 0) return 'Bot settings: nothing to put back.';
  const zone = await zoneSeen(api, name);
  const settings = await readBotSettings(api, zone);
  const ours = BOT_SETTINGS.filter(({ field, allows }) => field in was && settings[field] === allows);
  const theirs = BOT_SETTINGS.filter(({ field, allows }) => field in was && settings[field] !== allows && settings[field] !== was[field]);
  const left = theirs.map(({ field, shown }) => `“${shown}” (${field}) was left as it is: ${field in settings ? `somebody has set it to ${settings[field]} since` : 'the zone has it no longer'}; before Drawbridge it was ${was[field]}.`);
  const others = ours.length > 0 ? await otherStacks(api, zone, stack) : [];
  if (others.length > 0) return [`The stack ${others.join(', ')} needs the zone’s bot settings as they are. Once it is gone, put back by hand: ${ours.map(({ field }) => `${field}: ${was[field]}`).join(', ')}.`, ...left].join('\n');
  await writeBotSettings(api, zone, Object.fromEntries(ours.map(({ field }) => [field, was[field]!])));
  return [`Bot settings put back: ${ours.map(({ field }) => `${field}: ${was[field]}`).join(', ') || 'none'}.`, ...left].join('\n');
}

/** Other stacks of Drawbridge's in the zone, by their rules: putting the settings back would shut their clients out. */
async function otherStacks(api: Cloudflare, zone: Zone, stack: string): Promise<string[]> {
  const rules = (await readEntryPoint(api, zone, 'http_request_cache_settings'))?.rules ?? [];
  return rules.filter(({ description }) => !isOf(stack, description)).flatMap(({ description }) => /^drawbridge ([^:]+): /.exec(description ?? '')?.[1] ?? []);
}
