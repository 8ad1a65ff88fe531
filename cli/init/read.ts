import type { z } from 'zod';
import { parse } from 'yaml';
import { configSchema } from '../../infra/config.ts';
import { problemsOfIssue } from '../../infra/config/issues.ts';
import { target } from '../../infra/config/deploy.ts';
import { server as serverSchema } from '../../infra/config/servers.ts';
import { user as userSchema } from '../../infra/config/users.ts';
import { identityProviders } from '../../infra/config/identity-providers.ts';
import { isRecord, namingKeys } from '../../infra/config/values.ts';
import { type KnownClientName, knownClientNames } from '../../keycloak/known-clients.ts';
import { type Allow, type Provider, providers, type Server, type SignIn } from './answers.ts';
import { Wrong } from './wrong.ts';

// How each answer is read. All of them throw Wrong, in the words in which the config's own schema would refuse it.

const { shape } = configSchema;

function accept<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value, namingKeys);
  if (parsed.success) return parsed.data;
  throw new Wrong(parsed.error.issues.flatMap((issue) => problemsOfIssue(issue, value)).map(({ path, message }) => `${path ? `${path} ` : ''}${message}`).join('; '));
}

export const readTier = (text: string): 'host' | 'tunnel' => accept(shape.tier, text);

export function readProfile(text: string): 'production' | 'preview' {
  if (text === 'production' || text === 'preview') return text;
  throw new Wrong('is none of: production, preview (a local stack needs no more than `npm run up`)');
}

export const readTarget = (text: string): string => accept(target, text);

export function readHost(text: string): string {
  const host = accept(shape.host, text);
  if (host?.includes('.')) return host;
  throw new Wrong(host ? `is not a public name: ${host} has no dot` : 'is empty: give the public name, for example mcp.example.org');
}

export function readEmail(text: string): string {
  if (text !== '') accept(shape.acme, { email: text });
  return text;
}

const zoneWith = (more: object) => ({ accountId: '0'.repeat(32), zone: 'example.org', token: { secret: 'cloudflare' }, ...more });
export const readZone = (text: string): string => accept(shape.cloudflare, zoneWith({ zone: text }))!.zone;
export const readAccount = (text: string): string => accept(shape.cloudflare, zoneWith({ accountId: text }))!.accountId;

/** `builtin`, or a map in YAML as in `drawbridge:servers`, of which name, path and scopes may be left out. */
export function readServer(text: string): Server {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new Wrong(`is no YAML: ${(error as Error).message.split('\n')[0]}`);
  }
  return complete(value === 'builtin' ? { backend: 'builtin' } : value);
}

/** A server as it is written into the config: what the person left out has a value of its own, and no default of the schema's is repeated. */
export function complete(value: unknown): Server {
  if (!isRecord(value) || !('backend' in value)) throw new Wrong('is neither builtin nor a map with a backend, for example { name: files, backend: { url: https://files.example.org/mcp } }');
  const { name = 'mcp', backend, ...more } = value;
  // What follows from a name that is wrong is not wrong once more.
  const named = serverSchema.shape.name.safeParse(name).data ?? 'mcp';
  const scopes = scopesOf(named, backend);
  const server = { name, path: `/${named}`, backend, scopes, ...(backend === 'builtin' && { tools: { note_write: scopes[1] } }), ...more };
  accept(serverSchema, server);
  return server as Server;
}

/**
 * One for all of a server: which of its tools change something, only its owner knows. The demonstration server writes notes, which not
 * everybody who reads them should.
 */
export const scopesOf = (name: string, backend: unknown): string[] => (backend === 'builtin' ? [`${name}:read`, `${name}:write`] : [`${name}:use`]);

export function readClient(text: string): KnownClientName {
  if ((knownClientNames as readonly string[]).includes(text)) return text as KnownClientName;
  throw new Wrong(`is none of: ${knownClientNames.join(', ')}`);
}

/** `ann=ann@example.org`. */
export function readUser(text: string): SignIn['users'][number] {
  const [username, email] = halves(text, 'ann=ann@example.org');
  accept(userSchema, { username, email });
  return { username, email: email.toLowerCase() };
}

/** `github=Ov23li…`. */
export function readProvider(text: string, issuer: string | undefined): [Provider, { clientId: string; issuer?: string }] {
  const [kind, clientId] = halves(text, 'github=Ov23li0123456789abcd');
  const alias = providers.find((each) => each === kind);
  if (!alias) throw new Wrong(`is none of: ${providers.join(', ')}`);
  const provider = { clientId, ...(alias === 'oidc' && { issuer }) };
  accept(identityProviders, { [alias]: { ...provider, clientSecret: { secret: alias } } });
  return [alias, provider as { clientId: string; issuer?: string }];
}

/** `everyone`, or names with commas between, as those of groups may have spaces: of users and addresses, `@domain`, `group:name`. */
export function readAllow(text: string): Allow {
  const names = text.split(',').map((name) => name.trim()).filter((name) => name !== '');
  if (names.length === 0) throw new Wrong('is empty: name who may call, or everyone');
  if (names.includes('everyone')) {
    if (names.length > 1) throw new Wrong('names everyone, and others beside: everyone is all');
    return 'everyone';
  }
  const of = (prefix: string) => names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length).trim());
  const [users, groups, domains] = [names.filter((name) => !/^(@|group:)/.test(name)), of('group:'), of('@')];
  const allow = { ...(users.length > 0 && { users }), ...(groups.length > 0 && { groups }), ...(domains.length > 0 && { domains }) };
  accept(shape.allowlist, allow);
  return allow;
}

function halves(text: string, example: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new Wrong(`has no = in it: for example ${example}`);
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}
