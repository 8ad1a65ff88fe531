import { z } from 'zod';
import { type KnownClientName, knownClientNames, knownClients, type PublicClient } from '../../keycloak/known-clients.ts';
import { isForeign } from './authorization-server.ts';
import type { ConfigProblem } from './rules.ts';
import type { Parsed } from './schema.ts';
import { isRecord, shaped } from './values.ts';
import { isLoopback } from '../../host/where.ts';

/** The two names of loopback whose port Keycloak leaves free. */
const isNativeLoopback = (hostname: string) => hostname === 'localhost' || hostname === '127.0.0.1';

/** Schemes that a browser carries out or reads by itself, and those of programs that systems come with: none is a client's own (RFC 8252 §7.1). */
const OTHERS = /^(javascript|data|vbscript|file|blob|about|view-source|ws|wss|ftp|sftp|jar|chrome|resource|tel|sms|mailto|facetime|smb|cifs|afp|nfs|dav|ssh|telnet|rdp|vnc|ldaps?|git|intent|search|search-ms|ms-.*|x-apple\..*):$/;

/** RFC 6749 §3.1.2, RFC 9700 §2.1. What two parsers may read in two ways can send a code to someone else. */
const redirectUri = z.string().superRefine((uri, context) => {
  const wrong = (message: string) => context.addIssue(message);
  if (uri.includes('*')) return wrong('has a wildcard, with which anyone who finds a page on that host can take codes: list each redirect URI as the client sends it');
  if (!URL.canParse(uri)) return wrong('is no absolute URI, for example https://app.example.org/callback');
  const { href, protocol, hostname, username, password } = new URL(uri);
  if (OTHERS.test(protocol)) return wrong(`has the scheme ${protocol.slice(0, -1)}, to which no code can be sent safely: use https, or a scheme of the program’s own`);
  if (uri.includes('#')) return wrong('has a fragment, which a redirect URI must not have (RFC 6749 §3.1.2): remove it');
  if (username || password || /^[a-z]+:\/\/[^/?]*@/i.test(uri)) return wrong('has a user in it, which hides the host that is meant: remove it');
  if (protocol === 'http:' && !isNativeLoopback(hostname)) return wrong('would carry the code in clear text: use https; http is for localhost and 127.0.0.1 only');
  if (protocol === 'https:' && isLoopback(hostname)) return wrong('is https on the client’s own machine, for which nobody gets a certificate: use http://localhost or http://127.0.0.1 (RFC 8252 §7.3)');
  if (href !== uri || /[\\\s]|%2e|%2f|%5c/i.test(uri)) return wrong(`is not in its plain form, so that two programs may read it in two ways: write ${href}`);
});

const ownClient = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'must be letters, digits and . _ -, at most 63'),
  /** What the consent page calls it. */
  name: z.string().min(1).max(100).optional(),
  redirectUris: z.array(redirectUri).min(1, 'needs at least one redirect URI'),
});
const knownName = z.enum(knownClientNames);

/** Who may connect: a client that Drawbridge knows, by its name, or one of your own. */
export const client = shaped<KnownClientName | z.output<typeof ownClient>>(
  (value) => (isRecord(value) ? ownClient : typeof value === 'string' && Object.hasOwn(knownClients, value) ? knownName : undefined),
  `is none of: ${knownClientNames.join(', ')}, {id, name, redirectUris}`,
);
export const clients = z.array(client).default([...knownClientNames]);

/** The clients of a config, each with what it needs. */
export function clientsOf(config: Pick<Parsed, 'clients'>): PublicClient[] {
  return config.clients.map((entry) => (typeof entry === 'string' ? knownClients[entry] : { clientId: entry.id, name: entry.name ?? entry.id, redirectUris: entry.redirectUris }));
}

const KEYCLOAKS_OWN = ['account', 'account-console', 'admin-cli', 'broker', 'realm-management', 'security-admin-console'];
// A client that registered itself has a UUID for its id.
const TAKEN = /^(drawbridge-.*|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

export function clientRules({ clients: given, authorizationServer, auth }: Partial<Pick<Parsed, 'clients' | 'authorizationServer' | 'auth'>>): ConfigProblem[] {
  const entries = given ?? [];
  const ids = entries.map((entry) => (typeof entry === 'string' ? entry : entry.id));
  const ownKeycloak = (auth ?? 'oauth') === 'oauth' && !isForeign(authorizationServer);
  return [
    ...(given?.length === 0 && ownKeycloak ? [{ path: 'clients', message: `lets no client connect: list some of ${knownClientNames.join(', ')}, or your own` }] : []),
    ...entries.flatMap((entry, index) => {
      const problems: ConfigProblem[] = [];
      const path = `clients[${index}]`;
      if (ids.indexOf(ids[index]!) < index) problems.push({ path, message: `is ${ids[index]!} once more: each client has one entry` });
      if (typeof entry === 'string') return problems;
      if (KEYCLOAKS_OWN.includes(entry.id) || TAKEN.test(entry.id)) problems.push({ path: `${path}.id`, message: `is taken: ${entry.id} is a client of Keycloak’s or Drawbridge’s own. Choose another` });
      return problems;
    }),
  ];
}
