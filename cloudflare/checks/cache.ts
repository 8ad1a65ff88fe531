import { readEntryPoint, type StandingRule } from '../rules/entry-point.ts';
import type { HostPath } from '../rules/wanted.ts';
import { evaluate } from './expression.ts';
import type { Finding, Looked } from './finding.ts';
import { reach } from './probe.ts';

/** The edge kept an answer, or would have (Cloudflare's docs, "Cloudflare cache responses"). */
const KEEPS = ['HIT', 'MISS', 'EXPIRED', 'STALE', 'REVALIDATED', 'UPDATING'];

/** Whether a cache rule says that answers be kept which are somebody's own, or change. */
export async function checkCacheRules({ api, found, servers, documents }: Looked): Promise<Finding[]> {
  const rules = (await readEntryPoint(api, found, 'http_request_cache_settings'))?.rules ?? [];
  const places = [...servers, ...documents];
  const deciding = Map.groupBy(places, (place) => decidingRule(rules, place));
  return [...deciding].flatMap(([rule, of]): Finding[] =>
    rule && keeps(rule)
      ? [{ check: 'cache', problem: `The cache rule “${rule.description || rule.expression}” has Cloudflare keep answers of ${of.map(({ host, path }) => `${host}${path}`).join(', ')}.`, remedy: `Except ${[...new Set(of.map(({ host }) => host))].join(', ')} from it, or put Drawbridge’s rule behind it (Caching → Cache Rules): the last that matches decides.` }]
      : [],
  );
}

/** Of those that say anything about it, the last that matches. Whether one does of which that is not known, a live look tells. */
const decidingRule = (rules: readonly StandingRule[], { host, path }: HostPath): StandingRule | undefined =>
  rules.findLast((rule) => rule.enabled && settingOf(rule) !== undefined && evaluate(rule.expression, fieldsOf(host, path)) === true);

const settingOf = ({ action_parameters }: StandingRule): boolean | undefined => (action_parameters as { cache?: boolean } | undefined)?.cache;
const keeps = (rule: StandingRule): boolean => settingOf(rule) === true;
const fieldsOf = (host: string, path: string) => ({ 'http.host': host, 'http.request.method': 'GET', 'http.request.uri': path, 'http.request.uri.path': path, 'http.request.uri.query': '', 'http.request.full_uri': `https://${host}${path}` });

/** Asks once for each: page rules and whatever else decides shows in the answer. */
export async function checkCachedAnswers(looked: Looked): Promise<Finding[]> {
  const findings = [...looked.servers, ...looked.documents].map(async ({ host, path }): Promise<Finding[]> => {
    // Of a URL that nobody else asks for: nothing is kept that anyone would get.
    const answer = await reach(looked, `https://${host}${path}?${crypto.randomUUID()}`, {});
    const status = answer instanceof Error ? null : answer.headers.get('cf-cache-status');
    if (!status || !KEEPS.includes(status)) return [];
    return [{ check: 'cache', problem: `Cloudflare keeps answers of https://${host}${path} (cf-cache-status: ${status}): a client may get old ones, or another client’s.`, remedy: `Find the rule that says so (Caching → Cache Rules; Rules → Page Rules), and except ${host} from it.` }];
  });
  return (await Promise.all(findings)).flat();
}
