import { z } from 'zod';
import { authorizationServer } from './authorization-server.ts';
import { clients } from './clients.ts';
import { cloudflare } from './cloudflare.ts';
import { deploy } from './deploy.ts';
import { identityProviders } from './identity-providers.ts';
import { callers, networks } from './networks.ts';
import { server } from './servers.ts';
import { sessions } from './sessions.ts';
import { user } from './users.ts';
import { allowlist, emptyIsNone, secretReference } from './values.ts';

const hostLabel = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const hostName = new RegExp(`^(?=.{1,253}$)${hostLabel}(?:\\.${hostLabel})*$`);

const generation = z.int().min(1, 'must be at least 1').default(1);

/**
 * The schema of every key in the namespace `drawbridge:`. `Pulumi.yaml` declares the same keys for the Pulumi CLI; a test
 * keeps the two in step.
 */
export const configSchema = z.strictObject({
  tier: z.enum(['host', 'tunnel'], { error: 'is none of: host, tunnel' }).default('host'),
  host: emptyIsNone(z.string().regex(hostName, 'is no host name: lower-case letters, digits, dashes and dots, without scheme, port or path')),
  layout: z.enum(['paths', 'subdomains'], { error: 'is none of: paths, subdomains' }).default('paths'),
  profile: z.enum(['production', 'preview', 'local'], { error: 'is none of: production, preview, local' }).default('production'),
  servers: z
    .array(server)
    .min(1, 'needs at least one server')
    .prefault([{ name: 'mcp', path: '/mcp', backend: 'builtin', scopes: ['mcp:read', 'mcp:write'], tools: { note_write: 'mcp:write' } }]),
  auth: z.enum(['oauth', 'bearer', 'none'], { error: 'is none of: oauth, bearer, none' }).default('oauth'),
  bearerTokens: z.record(z.string().regex(/^[A-Za-z0-9._@-]{1,64}$/, 'must be letters, digits and . _ @ -, at most 64'), secretReference).default({}),
  authorizationServer,
  identityProviders: identityProviders.prefault({}),
  allowlist: emptyIsNone(allowlist),
  limits: z
    .strictObject({
      /** Requests a minute, with a burst of a quarter of it. */
      perUser: z.int().min(1, 'must be at least 1').default(1_200),
      /** Hosted clients call for many users from a few addresses. */
      perAddress: z.int().min(1, 'must be at least 1').default(12_000),
      /** Calls and open streams of one user at the same time. */
      concurrent: z.int().min(1, 'must be at least 1').default(200),
    })
    .prefault({}),
  // The Pulumi CLI hands the program its values decrypted; in a stack's file they are {secure: …}.
  secrets: z
    .record(z.string(), z.union([z.string().min(1), z.strictObject({ secure: z.string() })], { error: 'is no text: put it in quotes' }))
    .default({}),
  /** Raised by one, `up` makes that secret anew. */
  rotation: z.strictObject({ signingKey: generation, database: generation, applier: generation }).prefault({}),
  realm: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,35}$/, 'must be lower-case letters, digits and dashes, at most 36')
    // Keycloak's own realm: its users administer all others, and it must never be public.
    .refine((realm) => realm !== 'master', 'must not be master, which is Keycloak’s own: choose another, for example main')
    .default('main'),
  /** Whether other stacks may have realms of their own here, whose names begin with `preview-`. */
  previewRealms: z.boolean({ error: 'is neither true nor false' }).default(false),
  clients,
  registration: z.enum(['open', 'closed'], { error: 'is none of: open, closed' }).default('open'),
  clientIdMetadata: z.enum(['auto', 'on', 'off'], { error: 'is none of: auto, on, off' }).default('auto'),
  resourceIndicators: z.boolean({ error: 'is neither true nor false' }).default(false),
  users: z.array(user).default([]),
  sessions,
  localPort: z.int().min(1024, 'must be at least 1024').max(65535, 'must be at most 65535').default(8443),
  /** First of the ports, 15 at most, by which front, gateway and Keycloak meet on their machine: stacks on one machine have different ones. */
  firstPort: z.int().min(1024, 'must be at least 1024').max(65_500, 'must be at most 65500').default(18_080),
  publicAddresses: z.array(z.union([z.ipv4(), z.ipv6()], { error: 'is no IP address such as 203.0.113.7 or 2001:db8::7' })).default([]),
  acme: z
    .strictObject({
      email: z.email('is no e-mail address').optional(),
      /** Default: Let's Encrypt. */
      directory: z.url({ protocol: /^https$/, error: 'must be the https URL of a CA’s directory, for example https://acme.example.org/directory' }).optional(),
      /** Let's Encrypt's staging CA: no client trusts it, and its limits are wide. */
      staging: z.boolean().default(false),
      /** One of the CA's, as `shortlived` of Let's Encrypt for certificates of 6 days. */
      profile: z.string().regex(/^[A-Za-z0-9._-]+$/, 'must be letters, digits and . _ -').optional(),
      /** The DNS-01 challenge, for hosts with no open port 80. */
      dns01: z.strictObject({ cloudflareToken: secretReference }).optional(),
    })
    .prefault({}),
  deploy,
  firewall: z.enum(['auto', 'firewalld', 'ufw', 'nftables', 'none'], { error: 'is none of: auto, firewalld, ufw, nftables, none' }).default('auto'),
  dataPlaneAllowlist: callers.default([]),
  trustedProxies: networks.default([]),
  cloudflare,
});

/** What the schema makes of the values, before the rules that span several keys. */
export type Parsed = z.output<typeof configSchema>;
