import { blockingIn, readBotSettings } from '../bots/settings.ts';
import { readEntryPoint, type StandingRule } from '../rules/entry-point.ts';
import { type HostPath, isOf } from '../rules/wanted.ts';
import { evaluate, type Fields } from './expression.ts';
import type { Finding, Looked } from './finding.ts';

/** By which clients of a person's own ask, and whose calls a stack is for. */
export const CLAUDE = 'Claude-User';
// Claude's calls come from 160.79.104.0/21 (Anthropic, "IP addresses").
const CLAUDE_ADDRESS = '160.79.104.10';

/** Rules of the zone that keep someone out. A challenge is one as well: it takes a browser. */
const REFUSING = ['block', 'challenge', 'js_challenge', 'managed_challenge'];

/** Whether the zone's settings keep Claude from MCP servers. */
export async function checkBotSettings({ api, found }: Looked): Promise<Finding[]> {
  return blockingIn(await readBotSettings(api, found)).map(({ shown, does, field }) => ({
    check: 'bots',
    problem: `“${shown}” is on for the zone ${found.name}: it ${does}.`,
    remedy: `Switch it off (Security → Settings → Bot traffic → ${shown}; in the older dashboard Security → Bots), or let Drawbridge do so: manageBotSettings: true in drawbridge:cloudflare. Either is for the whole zone. In the API it is ${field} of bot_management.`,
  }));
}

/** Whether a custom rule does, such as the one that AI Crawl Control makes in new zones. */
export async function checkCustomRules({ api, found, stack, servers }: Looked): Promise<Finding[]> {
  const rules = (await readEntryPoint(api, found, 'http_request_firewall_custom'))?.rules ?? [];
  const refusing = servers.flatMap((server) => refusingRule(stack, rules, server) ?? []);
  return [...new Set(refusing)].map((rule) =>
    isCrawlControl(rule)
      ? { check: 'bots', problem: `AI Crawl Control blocks AI bots by their user agent, ${CLAUDE} among them (custom rule “${rule.description}”).`, remedy: `Set ${CLAUDE} to “Allow” (AI Crawl Control → Security), or turn the rule off (Security → Security rules). Drawbridge does not change it.` }
      : { check: 'bots', problem: `The custom rule “${rule.description || rule.expression}” keeps ${CLAUDE} from the MCP server (${rule.action}).`, remedy: 'Except the paths of MCP servers from it, or turn it off (Security → Security rules).' },
  );
}

/** The first rule that refuses a call of Claude's, if none lets it pass before. */
function refusingRule(stack: string, rules: readonly StandingRule[], server: HostPath): StandingRule | undefined {
  for (const rule of rules.filter(({ enabled, description }) => enabled && !isOf(stack, description))) {
    const match = evaluate(rule.expression, callOf(server));
    if (REFUSING.includes(rule.action) && (match || (match === undefined && isCrawlControl(rule)))) return rule;
    if (match && rule.action === 'skip' && (rule.action_parameters as { ruleset?: string } | undefined)?.ruleset === 'current') return undefined;
  }
  return undefined;
}

const callOf = ({ host, path }: HostPath): Fields => ({
  'http.host': host,
  'http.request.method': 'POST',
  'http.request.uri': path,
  'http.request.uri.path': path,
  'http.request.uri.query': '',
  'http.request.full_uri': `https://${host}${path}`,
  'raw.http.request.uri.path': path,
  'http.user_agent': CLAUDE,
  'ip.src': CLAUDE_ADDRESS,
});

/** Its own page finds the rule by this reference, as published configurations of such zones show. */
const isCrawlControl = ({ ref, description }: StandingRule): boolean => ref === '[CF AI Audit]' || description?.startsWith('AI Crawl Control') === true;
