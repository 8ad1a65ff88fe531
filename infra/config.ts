import { z } from 'zod';

/** Where a server's answers come from. `builtin` is the demonstration server that ships with Drawbridge. */
const backend = z.union(
  [
    z.literal('builtin'),
    z.strictObject({ image: z.string(), port: z.int().min(1).max(65535), path: z.string().startsWith('/').default('/mcp') }),
    z.strictObject({ command: z.string(), args: z.array(z.string()).default([]), env: z.record(z.string(), z.string()).default({}) }),
    z.strictObject({ url: z.url({ protocol: /^https?$/ }) }),
  ],
  { error: 'is none of: builtin, {image, port, path}, {command, args, env}, {url}' },
);

const hostLabel = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const hostName = new RegExp(`^(?=.{1,253}$)${hostLabel}(?:\\.${hostLabel})*$`);
// RFC 6749 §3.3: a scope token has no space, quote or backslash.
const scope = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'is no scope token: no spaces, quotes or backslashes (RFC 6749 §3.3)');
const target = z.string().regex(/^(local|ssh:\/\/[^@/\s]+@[^@/\s:]+(:\d+)?)$/, 'is neither local nor ssh://user@host[:port]');

const server = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be lower-case letters, digits and dashes, at most 32'),
  path: z
    .string({ error: 'is missing: give the path of the MCP endpoint, for example /mcp' })
    .regex(/^(\/[A-Za-z0-9_-]+)+$/, 'must start with a slash, not end in one, and have letters, digits, - and _ between: for example /mcp'),
  backend: backend.default('builtin'),
  scopes: z.array(scope).min(1, 'needs at least one scope').default(['mcp:read', 'mcp:write']),
  tools: z.record(z.string(), scope).default({}),
});

/** The Pulumi CLI demands a default of every key it is told the type of. An empty one stands for none. */
const emptyIsNone = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((value) => (value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0) ? undefined : value), schema.optional());

/**
 * The schema of every key in the namespace `drawbridge:`. `Pulumi.yaml` declares the same keys for the Pulumi CLI; a test
 * keeps the two in step.
 */
export const configSchema = z.strictObject({
  tier: z.enum(['host', 'tunnel'], { error: 'is none of: host, tunnel' }).default('host'),
  host: emptyIsNone(z.string().regex(hostName, 'is no host name: lower-case letters, digits, dashes and dots, without scheme, port or path')),
  layout: z.enum(['paths', 'subdomains'], { error: 'is none of: paths, subdomains' }).default('paths'),
  profile: z.enum(['production', 'preview', 'local'], { error: 'is none of: production, preview, local' }).default('production'),
  servers: z.array(server).min(1, 'needs at least one server').default([{ name: 'mcp', path: '/mcp', backend: 'builtin', scopes: ['mcp:read', 'mcp:write'], tools: { note_write: 'mcp:write' } }]),
  realm: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,35}$/, 'must be lower-case letters, digits and dashes, at most 36')
    // Keycloak's own realm: its users administer all others, and it must never be public.
    .refine((realm) => realm !== 'master', 'must not be master, which is Keycloak’s own: choose another, for example main')
    .default('main'),
  localPort: z.int().min(1024, 'must be at least 1024').max(65535, 'must be at most 65535').default(8443),
  publicAddresses: z.array(z.union([z.ipv4(), z.ipv6()], { error: 'is no IP address' })).default([]),
  acme: z
    .strictObject({
      email: z.email('is no e-mail address').optional(),
      directory: z.url({ protocol: /^https$/, error: 'is no https URL' }).default('https://acme-v02.api.letsencrypt.org/directory'),
    })
    .prefault({}),
  deploy: z.strictObject({ app: target.default('local'), proxy: target.default('local') }).prefault({}),
  firewall: z.enum(['auto', 'firewalld', 'ufw', 'nftables', 'none'], { error: 'is none of: auto, firewalld, ufw, nftables, none' }).default('auto'),
  cloudflare: emptyIsNone(z.strictObject({ accountId: z.string(), zone: z.string() })),
});

/** A stack's config, complete with its defaults. */
export type Config = Omit<z.output<typeof configSchema>, 'host'> & { readonly host: string };
export type ServerConfig = Config['servers'][number];

/** One thing that is wrong with a config. */
export interface ConfigProblem {
  /** Where, as a path: `servers[0].path`. */
  readonly path: string;
  /** What is wrong and what to do about it. */
  readonly message: string;
}

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
 * @throws ConfigError with all problems at once.
 */
export function parseConfig(raw: Readonly<Record<string, unknown>>): Config {
  const parsed = configSchema.safeParse(raw);
  // What needs the whole config is checked even when a part failed, on the parts that are right.
  const partial = parsed.data ?? salvage(raw);
  const problems = [...(parsed.error?.issues.flatMap(describeIssue) ?? []), ...crossCheck(partial, (raw.host ?? '') === '')];
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  return { ...parsed.data, host: parsed.data.host ?? 'localhost' };
}

type Parsed = z.output<typeof configSchema>;

function salvage(raw: Readonly<Record<string, unknown>>): Partial<Parsed> {
  const entries = Object.entries(configSchema.shape).map(([key, schema]) => [key, schema.safeParse(raw[key])] as const);
  return Object.fromEntries(entries.filter(([, result]) => result.success).map(([key, result]) => [key, result.data]));
}

function describeIssue(issue: z.core.$ZodIssue): ConfigProblem[] {
  const path = issue.path.reduce<string>((text, part) => (typeof part === 'number' ? `${text}[${part}]` : text ? `${text}.${String(part)}` : String(part)), '');
  if (issue.code === 'unrecognized_keys') {
    const known = issue.path.length === 0 ? `; known keys: ${Object.keys(configSchema.shape).join(', ')}` : '';
    return issue.keys.map((key) => ({ path: path ? `${path}.${key}` : key, message: `is not a known key: remove it or correct its spelling${known}` }));
  }
  const message = issue.message.startsWith('Invalid input: ') ? `${issue.message.replace('Invalid input: ', 'is wrong: ')}; Pulumi.yaml says what the key takes` : issue.message;
  return [{ path, message }];
}

/** The rules that span several keys. A key that is itself wrong is absent here and reported already. */
function crossCheck(config: Partial<Parsed>, hostMissing: boolean): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const servers = config.servers ?? [];
  if (config.profile && config.profile !== 'local' && hostMissing)
    problems.push({ path: 'host', message: `is missing: a stack of profile ${config.profile} needs its public name, for example mcp.example.org` });
  if (config.profile && config.profile !== 'local' && config.host && !config.host.includes('.'))
    problems.push({ path: 'host', message: `is not a public name: ${config.host} has no dot` });
  for (const key of ['name', 'path'] as const)
    for (const value of repeated(servers.map((server) => server[key])))
      problems.push({ path: 'servers', message: `has two servers with the ${key} ${value}: give each its own` });
  // One scope puts one audience into a token. A scope shared by two servers would let a token for one open the other.
  for (const value of repeated(servers.flatMap((server) => [...new Set(server.scopes)])))
    problems.push({ path: 'servers', message: `share the scope ${value}: give each server scopes of its own, for example files:read` });
  servers.forEach((server, index) => {
    if (server.path === '/auth' || server.path.startsWith('/auth/'))
      problems.push({ path: `servers[${index}].path`, message: 'is taken: /auth belongs to the authorization server' });
    for (const [tool, needed] of Object.entries(server.tools))
      if (!server.scopes.includes(needed))
        problems.push({ path: `servers[${index}].tools.${tool}`, message: `names the scope ${needed}, which servers[${index}].scopes does not list` });
    if (server.backend !== 'builtin')
      problems.push({ path: `servers[${index}].backend`, message: 'is not available in this version: only builtin is' });
  });
  if (servers.length > 1) problems.push({ path: 'servers', message: 'has several servers, which this version cannot deploy yet: keep one' });
  if (config.tier === 'tunnel') problems.push({ path: 'tier', message: 'tunnel is not available in this version: use host' });
  for (const key of ['app', 'proxy'] as const)
    if (config.deploy && config.deploy[key] !== 'local')
      problems.push({ path: `deploy.${key}`, message: 'is not available in this version: only local is' });
  if (config.firewall && config.firewall !== 'auto' && config.firewall !== 'none')
    problems.push({ path: 'firewall', message: 'is not available in this version: only auto and none are' });
  return problems;
}

function repeated(values: readonly string[]): string[] {
  return [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];
}
