import { acmeWarnings } from './config/acme-rules.ts';
import { cloudflareWarnings } from './config/cloudflare.ts';
import { deployWarnings } from './config/deploy.ts';
import { problemsOfIssue } from './config/issues.ts';
import { callerWarnings } from './config/networks.ts';
import { brokenRules, type ConfigProblem, type Missing } from './config/rules.ts';
import { rulesOnTheRest } from './config/salvage.ts';
import { configSchema, type Parsed } from './config/schema.ts';
import { allowlistWarnings, groupWarnings } from './config/users.ts';
import { namingKeys } from './config/values.ts';
import { deriveEndpoints } from './endpoints.ts';

export type { ConfigProblem } from './config/rules.ts';
export { configSchema } from './config/schema.ts';

/** A stack's config, complete with its defaults. Of its secrets it has the names only. */
export type Config = Omit<Parsed, 'host' | 'secrets'> & { readonly host: string };
export type ServerConfig = Config['servers'][number];

/** Every problem of a config at once. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super([`The config has ${count}; nothing was touched.`, ...problems.map(({ path, message }) => `  drawbridge:${path} ${message}`)].join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * Validates raw config values, keyed without the namespace.
 * @param found what is wrong with the keys as they were written
 * @throws ConfigError with all problems at once.
 */
export function parseConfig(raw: Readonly<Record<string, unknown>>, found: readonly ConfigProblem[] = []): Config {
  const parsed = configSchema.safeParse(raw, namingKeys);
  const isMissing = (key: keyof Missing) => {
    const { success, data } = configSchema.shape[key].safeParse(raw[key]);
    return success && data === undefined;
  };
  const missing = { host: isMissing('host'), cloudflare: isMissing('cloudflare') };
  const problems = [
    ...found,
    ...(parsed.error?.issues.flatMap((issue) => problemsOfIssue(issue, raw)) ?? []),
    ...(parsed.success ? brokenRules(parsed.data, missing) : rulesOnTheRest(raw, missing)),
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  const { secrets: _, host = 'localhost', servers, ...rest } = parsed.data;
  const config = { ...rest, host, servers: servers.map((server) => ({ ...server, allowlist: server.allowlist ?? rest.allowlist })) };
  const loops = callsItself(config);
  if (loops.length > 0) throw new ConfigError(loops);
  return config;
}

/** What is allowed and dangerous all the same. Every command that reads the config says it. */
export function warningsOf(config: Config): string[] {
  const everyone = `DANGEROUS: drawbridge:auth is none. Whoever reaches ${config.host} can use every tool of every server, and nobody knows who it was. Set it to oauth.`;
  return [...(config.auth === 'none' ? [everyone] : []), ...acmeWarnings(config), ...callerWarnings(config), ...groupWarnings(config), ...allowlistWarnings(config), ...deployWarnings(config), ...cloudflareWarnings(config)];
}

/** A request to such a backend would come in again at the front, and again, until something breaks. */
function callsItself(config: Config): ConfigProblem[] {
  const own = deriveEndpoints(config).servers.map(({ resource }) => resource);
  return config.servers.flatMap(({ backend }, index) => {
    if (backend === 'builtin' || !('url' in backend)) return [];
    const { origin, pathname } = new URL(backend.url);
    const loops = own.includes(`${origin}${pathname.replace(/\/$/, '')}`);
    return loops ? [{ path: `servers[${index}].backend.url`, message: 'is an address of this stack itself, so that every call would go round in circles: name the server that is to answer' }] : [];
  });
}
