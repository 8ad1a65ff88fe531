import { z } from 'zod';
import { authSettings } from './tokens/auth-settings.ts';

// What goes into a quoted string of WWW-Authenticate: no spaces, quotes or backslashes (RFC 6750 §3, RFC 6749 §3.3).
const quotable = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
const scope = z.string().regex(quotable, 'is no scope token: no spaces, quotes or backslashes (RFC 6749 §3.3)');
const url = z.url({ protocol: /^https?$/, error: 'is no http or https URL' }).regex(quotable, 'has characters that a URL must escape');
const path = z.string().regex(/^(\/[A-Za-z0-9._-]+)+$/, 'must start with a slash and not end in one, for example /mcp');
const port = z.int().min(0).max(65535);
const scopeMap = z.record(z.string().min(1), scope).default({});

const allowlist = z.strictObject({
  users: z.array(z.string()).default([]),
  groups: z.array(z.string()).default([]),
  domains: z.array(z.string()).default([]),
  caseSensitive: z.boolean().default(false),
});

const backend = z.strictObject({
  url,
  identity: z.enum(['none', 'plain', 'signed']).default('none'),
  /** Sent with each request, for example the backend's own credential. */
  headers: z.record(z.string(), z.string()).default({}),
});

const server = z
  .strictObject({
    name: z.string().min(1),
    path,
    resource: url.refine((value) => !value.endsWith('/'), 'must not end in a slash: audiences are compared byte for byte'),
    metadataUrl: url.optional(),
    metadataPaths: z.array(path).default([]),
    scopes: z.array(scope).min(1, 'needs at least one scope'),
    tools: scopeMap,
    resources: scopeMap,
    prompts: scopeMap,
    implies: z.record(scope, z.array(scope)).default({}),
    allowlist: allowlist.optional(),
    backend,
  })
  .superRefine((value, context) => {
    const problem = (at: PropertyKey[], message: string) => context.addIssue({ code: 'custom', path: at, message });
    if (value.metadataUrl !== undefined && !value.metadataPaths.includes(new URL(value.metadataUrl).pathname))
      problem(['metadataPaths'], 'does not list the path of metadataUrl, so the document that challenges name would not be served');
    for (const map of ['tools', 'resources', 'prompts'] as const)
      for (const [name, needed] of Object.entries(value[map]))
        if (!value.scopes.includes(needed)) problem([map, name], `needs the scope ${needed}, which scopes does not list`);
  });

/** How much one caller may ask for. */
const limits = z.strictObject({
  /** Requests a minute for each user, with a burst of a quarter of it. */
  perUser: z.int().min(1).default(1_200),
  /** Requests a minute for each address. Hosted clients call for many users from a few addresses. */
  perAddress: z.int().min(1).default(12_000),
  /** Calls and open streams at the same time for each user. */
  concurrent: z.int().min(1).default(200),
  /** Largest request body in bytes. */
  bodyBytes: z.int().min(1_024).default(4 * 1024 * 1024),
});

const settingsSchema = z
  .strictObject({
    port,
    healthPort: port,
    metricsPort: port.optional(),
    /** Default: one for each core, at most 4. */
    workers: z.int().min(1).max(64).optional(),
    allowedHosts: z.array(z.string().min(1)).min(1, 'needs at least one host name'),
    auth: authSettings,
    identityKey: z.string().regex(/^[0-9a-f]{64}$/, 'is no seed of 32 bytes in hexadecimal').optional(),
    identityJwksPath: path.optional(),
    limits: limits.prefault({}),
    /** How long requests may go on once the server is asked to stop. Below the time that the container is given. */
    stopSeconds: z.int().min(1).default(8),
    servers: z.array(server).min(1, 'needs at least one server'),
  })
  .superRefine((value, context) => {
    const repeated = (values: string[]) => new Set(values.filter((item, index) => values.indexOf(item) !== index));
    for (const taken of repeated(value.servers.flatMap((entry) => [entry.path, ...entry.metadataPaths])))
      context.addIssue({ code: 'custom', path: ['servers'], message: `use the path ${taken} twice` });
    if (value.identityKey === undefined && value.servers.some((entry) => entry.backend.identity === 'signed'))
      context.addIssue({ code: 'custom', path: ['identityKey'], message: 'is missing, and a server wants signed identity headers' });
  });

/** The gateway's settings, as `infra/` hands them over in one JSON document. URLs arrive complete; none is derived here. */
export type Settings = z.output<typeof settingsSchema>;

/** One MCP server: its own path, audience, scopes, metadata and backend. The first scope is needed by every call. */
export type ServerSettings = Settings['servers'][number];

/** Every problem of the settings at once. */
export class SettingsError extends Error {
  constructor(problems: readonly string[]) {
    super(['DRAWBRIDGE_SERVER is wrong; nothing is served.', ...problems.map((problem) => `  ${problem}`)].join('\n'));
    this.name = 'SettingsError';
  }
}

/** @throws SettingsError with all problems at once. */
export function parseSettings(text: string | undefined): Settings {
  if (!text) throw new SettingsError(['is not set: it holds the settings as one JSON document']);
  const parsed = settingsSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new SettingsError(parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the document'}: ${issue.message}`));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SettingsError(['is not valid JSON']);
  }
}
