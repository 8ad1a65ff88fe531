import { posix } from 'node:path';
import { isObject, MessageError, type Message } from './json-rpc.ts';
import type { ServerSettings } from './settings.ts';

/** What of a server's settings decides about scopes. */
export type ScopeSettings = Pick<ServerSettings, 'scopes' | 'tools' | 'resources' | 'prompts' | 'implies'>;

/** Which scopes an operation needs, and whether a caller's scopes cover them. */
export interface Authorization {
  /** The scopes that calls of these targets need together: the base scope, and those of the targets. */
  needed(targets: readonly Target[]): string[];
  covers(granted: readonly string[], needed: readonly string[]): boolean;
}

type Lookup = (name: string) => string | undefined;

export function createAuthorization(settings: ScopeSettings): Authorization {
  const base = settings.scopes[0]!;
  const lookups = { tool: lookup(settings.tools), resource: lookup(settings.resources), prompt: lookup(settings.prompts) };
  const included = closure(settings.implies);
  return {
    needed(targets) {
      const scopes = [base];
      for (const { kind, name } of targets) {
        const scope = lookups[kind](name);
        if (scope !== undefined && !scopes.includes(scope)) scopes.push(scope);
      }
      return scopes;
    },
    covers: (granted, needed) => needed.every((scope) => granted.includes(scope) || granted.some((held) => included.get(held)?.has(scope))),
  };
}

/** Several times as long as any in use: each is read in many ways. In characters. */
const MAX_NAME_LENGTH = 8 * 1024;
const MAX_SUBSCRIPTIONS = 1_000;
const MAX_SUBSCRIBED_LENGTH = 256 * 1024;

/** What is called, by the name that scopes are mapped from. */
export interface Target {
  readonly kind: 'tool' | 'resource' | 'prompt';
  readonly name: string;
}

/**
 * What a message is about, read from the parsed body that is also what gets forwarded; never from `Mcp-Name`, which a caller
 * may set to anything. Where the name is missing it counts as empty, so that only a default applies.
 * @throws MessageError where it is no string: `["note_write"]` is no tool here, and may be `note_write` to a backend
 */
export function targetsOf({ method, params, id }: Message): Target[] {
  const target = (kind: Target['kind'], name: unknown = ''): Target[] => {
    if (typeof name !== 'string') throw new MessageError(400, -32602, `The ${kind} is not named by a string`, id);
    if (name.length > MAX_NAME_LENGTH) throw new MessageError(400, -32602, `The ${kind} has a name of more than ${MAX_NAME_LENGTH} characters`, id);
    return kind === 'resource' ? spellingsOf(name).map((spelling) => ({ kind, name: spelling })) : [{ kind, name }];
  };
  switch (method) {
    case 'tools/call':
      return target('tool', params.name);
    case 'prompts/get':
      return target('prompt', params.name);
    case 'resources/read':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      return target('resource', params.uri);
    case 'subscriptions/listen': {
      const uris = (isObject(params.notifications) ? params.notifications.resourceSubscriptions : undefined) ?? [];
      if (Array.isArray(uris) && (uris.length > MAX_SUBSCRIPTIONS || JSON.stringify(uris).length > MAX_SUBSCRIBED_LENGTH))
        throw new MessageError(400, -32602, `At most ${MAX_SUBSCRIPTIONS} resources, of ${MAX_SUBSCRIBED_LENGTH} characters together, can be subscribed to at once`, id);
      return (Array.isArray(uris) ? uris : [uris]).flatMap((uri) => target('resource', uri));
    }
    case 'completion/complete': {
      const ref = isObject(params.ref) ? params.ref : {};
      return ref.type === 'ref/prompt' ? target('prompt', ref.name) : target('resource', ref.uri);
    }
    default:
      return [];
  }
}

/**
 * `file:///a/../secret/x`, `file:///%73ecret/x` and `file:////secret/x` would get past a pattern for `file:///secret/`, and a
 * backend may take each of them for it: every spelling has to be allowed.
 */
function spellingsOf(uri: string): string[] {
  const bytes = Buffer.from(uri).toString('latin1').replace(/%[0-9a-f]{2}/gi, (escaped) => String.fromCharCode(parseInt(escaped.slice(1), 16)));
  const decoded = Buffer.from(bytes, 'latin1').toString();
  const read = new Set([uri, decoded].flatMap((spelling) => [spelling, ...asPath(spelling)]));
  return [...new Set([...read].flatMap((spelling) => [spelling, ...normalized(spelling)]))];
}

/**
 * As one reads it who cuts off scheme and host and opens the rest: `?`, `#` and `c:` are parts of names then, which `..`
 * takes back, as in `file:///public?/../secret/x`. The host of a file means nothing to most, or is where its path begins.
 */
function asPath(uri: string): string[] {
  const parts = /^[^a-z]*([a-z][a-z\d+.-]*:)(?:\/\/([^/?#]*)(?=[/?#]))?(.+)$/is.exec(uri.replace(/[\t\n\r]/g, '').replaceAll('\\', '/'));
  if (!parts) return [];
  const scheme = parts[1]!.toLowerCase();
  const [, , authority, rest] = parts;
  if (scheme === 'file:') return [rest, `${authority ?? ''}${rest}`].map((path) => `file://${posix.normalize(`/${path}`)}`);
  // `urn:a:b` has no path.
  return authority === undefined ? [] : [`${scheme}//${authority}${posix.normalize(`/${rest}`)}`];
}

/** As parsers and file systems read it, with what follows the path, and without: that means nothing to many. */
function normalized(uri: string): string[] {
  if (!URL.canParse(uri)) return [];
  const url = new URL(uri);
  url.pathname = url.pathname.replace(/\/{2,}/g, '/');
  const whole = url.href;
  url.search = url.hash = '';
  return [whole, url.href];
}

/** A pattern ends in `*`. The name itself goes before the longest pattern, `*` alone is the default. */
function lookup(map: Readonly<Record<string, string>>): Lookup {
  const exact = new Map(Object.entries(map).filter(([name]) => !name.endsWith('*')));
  const patterns = Object.entries(map)
    .filter(([name]) => name.endsWith('*'))
    .map(([name, scope]) => ({ prefix: name.slice(0, -1), scope }))
    .sort((a, b) => b.prefix.length - a.prefix.length);
  return (name) => exact.get(name) ?? patterns.find(({ prefix }) => name.startsWith(prefix))?.scope;
}

/** Scope → every scope that it includes, also through others. */
function closure(implies: Readonly<Record<string, readonly string[]>>): Map<string, Set<string>> {
  const reach = (scope: string, seen: Set<string>): Set<string> => {
    for (const next of implies[scope] ?? []) if (!seen.has(next)) reach(next, seen.add(next));
    return seen;
  };
  return new Map(Object.keys(implies).map((scope) => [scope, reach(scope, new Set())]));
}
