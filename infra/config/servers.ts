import { posix } from 'node:path';
import { z } from 'zod';
import { allowlist, isRecord, scope, secretName, secretReference, shaped } from './values.ts';

// Docker's reference grammar, without its length limits: [registry[:port]/]path[:tag][@digest].
const imageName = /^([A-Za-z0-9.-]+(:\d+)?\/)?[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$/;
const absolutePath = z
  .string()
  .regex(/^(?!.*\/\.{1,2}(\/|$))\/[^:,]*$/, 'must be an absolute path without . or .. in it, for example /srv/files')
  // One name for one place: //data and /data/ are /data to the kernel, and to Docker.
  .transform((path) => posix.normalize(path).replace(/(?<=.)\/$/, ''));

const env = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is no name of an environment variable: letters, digits and _'),
  shaped<string | z.output<typeof secretReference>>(
    (value) => (typeof value === 'string' ? z.string() : isRecord(value) ? secretReference : undefined),
    'is neither a text nor {secret: name}: put a number or a true in quotes',
  ),
);
const mount = z.strictObject({ source: absolutePath, target: absolutePath.refine((path) => path !== '/', 'must not be the root'), readOnly: z.boolean().default(true) });
const runs = { env: env.default({}), mounts: z.array(mount).default([]) };

const backends = {
  image: z.strictObject({
    image: z.string().regex(imageName, 'is no image name: for example ghcr.io/owner/server:1.2'),
    port: z.int().min(1).max(65535),
    path: z.string().regex(/^\/[A-Za-z0-9/._~-]*$/, 'must be a path that starts with a slash, for example /mcp').default('/mcp'),
    ...runs,
  }),
  url: z.strictObject({ url: z.url({ protocol: /^https?$/, error: 'is no http or https URL' }) }),
  command: z.strictObject({
    command: z.string().min(1, 'is empty: give the program, for example npx'),
    args: z.array(z.string()).default([]),
    ...runs,
    processes: z.enum(['per-user', 'shared'], { error: 'is none of: per-user, shared' }).default('per-user'),
  }),
};

/** Where a server's answers come from. `builtin` is the demonstration server that ships with Drawbridge. */
export type Backend = 'builtin' | z.output<(typeof backends)[keyof typeof backends]>;

const builtin = z.literal('builtin');
const backend = shaped<Backend>(
  (value) => (value === 'builtin' ? builtin : isRecord(value) ? Object.entries(backends).find(([kind]) => kind in value)?.[1] : undefined),
  'is none of: builtin, {image, port, path, env, mounts}, {url}, {command, args, env, mounts, processes}',
);

/** Names, or beginnings of names followed by `*`, and the scope that each needs. */
const scopesByName = z.record(z.string().regex(/^([^*]+\*?|\*)$/, 'has a * that is not at its end'), scope).default({});

export const server = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be lower-case letters, digits and dashes, at most 32'),
  path: z
    .string()
    .regex(/^(\/[A-Za-z0-9_-]+)+$/, 'must start with a slash, not end in one, and have letters, digits, - and _ between: for example /mcp'),
  backend: backend.default('builtin'),
  scopes: z.array(scope).min(1, 'needs at least one scope').default(['mcp:read', 'mcp:write']),
  tools: scopesByName,
  resources: scopesByName,
  prompts: scopesByName,
  /** Scope → the scopes it includes. */
  implies: z.record(scope, z.array(scope)).default({}),
  /** Scope → what it allows, in words, for the consent page. */
  consent: z.record(scope, z.string().regex(/^(?!\$\{)\P{C}{1,200}$/u, 'must be one line of 1 to 200 characters that does not begin with ${')).default({}),
  identity: z.enum(['none', 'plain', 'signed'], { error: 'is none of: none, plain, signed' }).optional(),
  credential: z
    .strictObject({
      secret: secretName,
      header: z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'is no header name').default('Authorization'),
    })
    .optional(),
  allowlist: allowlist.optional(),
});
