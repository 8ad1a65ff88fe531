import { z } from 'zod';

/** The tools of the demonstration server. The settings may give each a scope of its own. */
export const builtinTools: readonly string[] = ['whoami', 'echo', 'note_read', 'note_write'];

// What goes into a quoted string of WWW-Authenticate: no spaces, quotes or backslashes (RFC 6750 §3, RFC 6749 §3.3).
const quotable = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
const scope = z.string().regex(quotable, 'is no scope token: no spaces, quotes or backslashes (RFC 6749 §3.3)');
const url = z.url({ protocol: /^https?$/, error: 'is no http or https URL' }).regex(quotable, 'has characters that a URL must escape');
const path = z.string().regex(/^(\/[A-Za-z0-9._-]+)+$/, 'must start with a slash and not end in one, for example /mcp');
const port = z.int().min(0).max(65535);

const server = z
  .strictObject({
    name: z.string().min(1),
    path,
    resource: url.refine((value) => !value.endsWith('/'), 'must not end in a slash: audiences are compared byte for byte'),
    metadataUrl: url,
    metadataPaths: z.array(path).min(1, 'needs at least one path'),
    scopes: z.array(scope).min(1, 'needs at least one scope'),
    tools: z.record(z.string(), scope),
  })
  .superRefine((value, context) => {
    const problem = (at: PropertyKey[], message: string) => context.addIssue({ code: 'custom', path: at, message });
    if (!value.metadataPaths.includes(new URL(value.metadataUrl).pathname))
      problem(['metadataPaths'], 'does not list the path of metadataUrl, so the document that challenges name would not be served');
    for (const [tool, needed] of Object.entries(value.tools)) {
      if (!value.scopes.includes(needed)) problem(['tools', tool], `needs the scope ${needed}, which scopes does not list`);
      // A misspelt tool would leave the real one open to every caller with the base scope.
      if (!builtinTools.includes(tool)) problem(['tools', tool], `is no tool of this server; its tools: ${builtinTools.join(', ')}`);
    }
  });

const settingsSchema = z
  .strictObject({
    port,
    healthPort: port,
    issuer: url,
    jwksUrl: url,
    allowedHosts: z.array(z.string().min(1)).min(1, 'needs at least one host name'),
    servers: z.array(server).min(1, 'needs at least one server'),
  })
  .superRefine((value, context) => {
    const repeated = (values: string[]) => new Set(values.filter((item, index) => values.indexOf(item) !== index));
    for (const taken of repeated(value.servers.flatMap((entry) => [entry.path, ...entry.metadataPaths])))
      context.addIssue({ code: 'custom', path: ['servers'], message: `use the path ${taken} twice` });
  });

/** The server's settings, as `infra/` hands them over in one JSON document. URLs arrive complete; none is derived here. */
export type Settings = z.output<typeof settingsSchema>;

/** One MCP server: its own path, audience, scopes and metadata. The first scope is needed by every call. */
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
