import type { ResourceServer } from './realm.ts';

// More names than this are no longer read.
const NAMED = 5;

/**
 * What a scope allows, as the consent page says it: the words on the first line; on the second the scope and the server it is for.
 */
export function consentText(server: ResourceServer, scope: string): string {
  return `${server.consent?.[scope] ?? wordsFor(server, scope)}\n${scope} for ${server.resource}`;
}

function wordsFor({ name: server, scopes, needs = {}, tools = [] }: ResourceServer, scope: string): string {
  const all = Object.values(needs);
  // What is in no list needs the base scope, which every call does.
  const isFallback = scope === scopes[0] && !('*' in needs && needs['*'] !== scope);
  if (isFallback && all.every((needed) => needed === scope)) return `Use ${server}`;
  const names = isFallback
    ? tools.filter((tool) => (scopeOf(needs, tool) ?? scope) === scope)
    : Object.entries(needs).filter(([, needed]) => needed === scope).map(([name]) => (name === '*' ? 'everything else' : name.replace(/\*$/, '…')));
  if (names.length === 0) return `Use ${server}: ${isFallback ? 'everything that needs no further permission' : `what needs ${scope}`}`;
  const more = names.length > NAMED ? [`${names.length - NAMED} more`] : [];
  return `Use ${server}: ${[...names.slice(0, NAMED), ...more].join(', ')}`;
}

/** The scope of a name, or else of the longest beginning that there is, as the gateway has it. */
function scopeOf(needs: Readonly<Record<string, string>>, tool: string): string | undefined {
  const beginnings = Object.keys(needs).filter((name) => name.endsWith('*') && tool.startsWith(name.slice(0, -1)));
  return needs[tool] ?? needs[beginnings.sort((a, b) => b.length - a.length)[0] ?? ''];
}
