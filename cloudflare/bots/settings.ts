import type Cloudflare from 'cloudflare';
import type { BotManagementUpdateParams } from 'cloudflare/resources/bot-management/bot-management';
import type { Zone } from 'cloudflare/resources/zones/zones';
import { asked } from '../api.ts';

export type Value = string | boolean;
export type BotSettings = Readonly<Record<string, unknown>>;

/** A setting of a zone that can keep AI assistants, or programs at large, from an MCP server. */
interface BotSetting {
  readonly field: string;
  /** Values that keep them out. */
  readonly blocks: readonly Value[];
  /** The value that lets them in. */
  readonly allows: Value;
  /** As the dashboard calls it (Cloudflare, "Security settings": Bot traffic). */
  readonly shown: string;
  readonly does: string;
}

/** Which of them a zone has depends on its plan (Bots, "Plans"). The managed robots.txt is none of them: it keeps nobody out. */
export const BOT_SETTINGS: readonly BotSetting[] = [
  { field: 'ai_bots_protection', blocks: ['block'], allows: 'disabled', shown: 'Block AI bots', does: 'refuses Claude-User and its like everywhere but below /.well-known/, so that sign-in goes well and no call ever arrives' },
  { field: 'ai_user', blocks: ['block'], allows: 'disabled', shown: 'AI bots: assistants and agents', does: 'refuses assistants that act for a person' },
  { field: 'crawler_protection', blocks: ['enabled'], allows: 'disabled', shown: 'AI Labyrinth', does: 'leads AI bots into generated pages' },
  { field: 'content_bots_protection', blocks: ['block'], allows: 'disabled', shown: 'Block content bots', does: 'refuses programs that Cloudflare takes for bots' },
  { field: 'fight_mode', blocks: [true], allows: false, shown: 'Bot Fight Mode', does: 'has programs prove that they are browsers, which MCP clients are not; no rule can make an exception' },
  ...(['Definitely automated', 'Likely automated'] as const).map((kind) => ({
    field: `sbfm_${kind.toLowerCase().replace(' ', '_')}`,
    blocks: ['block', 'managed_challenge'],
    allows: 'allow',
    shown: `Super Bot Fight Mode → ${kind}`,
    does: 'refuses programs, or has them prove that they are browsers, which MCP clients are not',
  })),
  { field: 'sbfm_verified_bots', blocks: ['block'], allows: 'allow', shown: 'Super Bot Fight Mode → Verified bots', does: 'refuses the bots that Cloudflare knows, Claude’s among them' },
];

export async function readBotSettings(api: Cloudflare, { id: zone_id, name }: Zone): Promise<BotSettings> {
  return (await asked(`reading the bot settings of ${name}`, api.botManagement.get({ zone_id }))) as unknown as BotSettings;
}

/** Changes these and leaves the rest. */
export async function writeBotSettings(api: Cloudflare, { id: zone_id, name }: Zone, settings: Readonly<Record<string, Value>>): Promise<void> {
  if (Object.keys(settings).length === 0) return;
  await asked(`changing the bot settings of ${name}`, api.botManagement.update({ zone_id, ...settings } as BotManagementUpdateParams));
}

/** Those that keep someone out. */
export const blockingIn = (settings: BotSettings): BotSetting[] => BOT_SETTINGS.filter(({ field, blocks }) => blocks.includes(settings[field] as Value));
