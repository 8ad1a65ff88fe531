import { CloudflareError } from '../api.ts';
import { markOf } from '../mark.ts';

/** A path on one of the stack's public hosts. */
export interface HostPath {
  readonly host: string;
  readonly path: string;
}

/** What a stack wants of its zone's rules. */
export interface WantedRules {
  readonly stack: string;
  readonly zone: string;
  /** Whose answers are never kept: those of one path, or of all that begin with it. */
  readonly bypassCache: readonly (HostPath & { readonly match: 'exact' | 'prefix' })[];
  /** Who may call MCP servers: networks, IPv4 and IPv6 alike, and the paths, each exactly as it stands. None: everyone. */
  readonly callers?: { readonly networks: readonly string[]; readonly paths: readonly HostPath[] };
}

export const PHASES = ['http_request_cache_settings', 'http_request_firewall_custom'] as const;
export type Phase = (typeof PHASES)[number];

/** One rule as it is to be. */
export interface WantedRule {
  readonly action: string;
  readonly action_parameters?: object;
  readonly expression: string;
  readonly description: string;
}

// Rules language, "Expressions: Maximum rule expression length".
const LONGEST = 4096;

/** What the stack's rules are described as, that of the cache and that of the zone's firewall. */
const describeCache = (stack: string): string => `${markOf(stack)}: answers that are never kept`;
export const describeCallers = (stack: string): string => `${markOf(stack)}: who may call MCP servers`;

/** By which a stack knows its rules in a ruleset that is everybody's. */
export const isOf = (stack: string, description: string | undefined): boolean => description === describeCache(stack) || description === describeCallers(stack);

/** The rule of each phase; none: there is to be none. @throws CloudflareError for one that Cloudflare would not take */
export function rulesFor({ stack, bypassCache, callers }: WantedRules): Record<Phase, WantedRule | undefined> {
  const rules = {
    http_request_cache_settings: bypassCache.length === 0 ? undefined : { action: 'set_cache_settings', action_parameters: { cache: false }, expression: anyOf(bypassCache), description: describeCache(stack) },
    http_request_firewall_custom: callers && { action: 'block', expression: `(${anyExactly(callers.paths)}) and not ip.src in {${callers.networks.join(' ')}}`, description: describeCallers(stack) },
  };
  const problems = [tooLong(rules.http_request_cache_settings, 'have fewer servers in one stack'), tooLong(rules.http_request_firewall_custom, 'list fewer and wider networks in drawbridge:dataPlaneAllowlist')].flatMap((problem) => problem ?? []);
  if (problems.length > 0) throw new CloudflareError(problems.join('\n'));
  return rules;
}

function tooLong(rule: WantedRule | undefined, remedy: string): string | undefined {
  if (!rule || rule.expression.length <= LONGEST) return undefined;
  return `The rule “${rule.description}” would have ${rule.expression.length} characters, and Cloudflare takes ${LONGEST}: ${remedy}.`;
}

const anyOf = (places: WantedRules['bypassCache']): string =>
  byHost(places)
    .map(([host, of]) => {
      const [below, exact] = (['prefix', 'exact'] as const).map((kind) => pathsOf(of.filter(({ match }) => match === kind))) as [string[], string[]];
      const others = exact.filter((path) => !below.some((prefix) => path.startsWith(prefix)));
      return `(${isHost(host)} and (${[...(others.length > 0 ? [isOneOf(others)] : []), ...below.map((prefix) => `starts_with(http.request.uri.path, ${quoted(prefix)})`)].join(' or ')}))`;
    })
    .join(' or ');

/**
 * Exact paths keep out every spelling that gets anywhere: Cloudflare decodes a path and takes its dot segments out before it looks at rules
 * ("URL normalization"). Where the zone has that turned off, or for /MCP, the front answers 404: it knows its paths by the letter.
 */
const anyExactly = (places: readonly HostPath[]): string => byHost(places).map(([host, of]) => `(${isHost(host)} and ${isOneOf(pathsOf(of))})`).join(' or ');

// The field is the Host header as it came (Rules language, "http.host"), and the front takes that with any port and in any case: a
// comparison with the bare name would let `mcp.example.org:443` and `MCP.example.org` slip by.
const isHost = (host: string): string => `starts_with(lower(http.host), ${quoted(host)})`;
const isOneOf = (paths: readonly string[]): string => `http.request.uri.path in {${paths.map(quoted).join(' ')}}`;

const quoted = (text: string): string => JSON.stringify(text);

const byHost = <Place extends HostPath>(places: readonly Place[]): [host: string, places: Place[]][] => [...Map.groupBy(places, ({ host }) => host)];
const pathsOf = (places: readonly HostPath[]): string[] => [...new Set(places.map(({ path }) => path))];
