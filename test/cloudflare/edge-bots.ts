import type { BotSettings } from './edge-state.ts';

/** AI assistants that fetch when a person asks them to, and crawlers (Cloudflare's bots directory). */
const ASSISTANTS = /\b(Claude-User|ChatGPT-User|Perplexity-User|MistralAI-User|DuckAssistBot)\b/i;
const CRAWLERS = /\b(ClaudeBot|Claude-SearchBot|anthropic-ai|GPTBot|OAI-SearchBot|PerplexityBot|CCBot|Bytespider|Amazonbot|meta-externalagent)\b/i;

/** Whether the zone's settings keep this client out. "Block AI bots" leaves `/.well-known/` alone (claude-ai-mcp#49). */
export function blocksBot(settings: BotSettings, agent: string, path: string): boolean {
  const assistant = ASSISTANTS.test(agent);
  if (settings.ai_user === 'block' && assistant) return true;
  return settings.ai_bots_protection === 'block' && (assistant || CRAWLERS.test(agent)) && !path.startsWith('/.well-known/');
}
