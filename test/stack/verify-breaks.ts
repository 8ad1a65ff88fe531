import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BrokenFront, inLocation, withLocation, withoutLocation } from '../support/broken-front.ts';
import type { BrokenRealm } from '../support/broken-realm.ts';
import { containerOf } from '../support/container.ts';
import type { Authority } from '../tunnel/identity.ts';

export const stack = 'verified';
export const port = 18451;
export const origin = `https://localhost:${port}`;
export const resource = `${origin}/mcp`;
export const realmPath = '/auth/realms/main';
export const keycloak = 'http://keycloak:8080';

/** The stack that is broken. */
export interface Room {
  readonly front: BrokenFront;
  readonly realm: BrokenRealm;
  /** Whose certificates clients take with the option `trusting`. */
  readonly authority: Authority;
  readonly trusting: readonly string[];
  /** What is to be done to put back what is neither the front's configuration nor the realm. */
  readonly undo: (() => unknown)[];
}

/** Has the front serve another certificate. */
async function serveCertificate({ front }: Room, { certificate, key }: { certificate: string; key: string }): Promise<void> {
  front.put('fullchain.pem', certificate);
  const directory = front.put('privkey.pem', key);
  await front.edit((text) => text.replace('~^(?<pair>.+)/empty$ $pair;', `default ${directory};`));
}

const at = (path: string) => `location = ${path} {`;
const published = '/.well-known/oauth-protected-resource';
const withoutExecutor = (name: string) => (entry: Record<string, unknown>) => ({
  profiles: (entry.profiles as { executors: { executor: string }[] }[]).map((profile) => ({ ...profile, executors: profile.executors.filter(({ executor }) => executor !== name) })),
});
const registrationPolicy = '/components[name=Sign-in Only]';
const audience = '/client-scopes[name=mcp:read]/protocol-mappers/models[name=audience]';

/** What the checks are called. */
export const called = {
  none: 'who has none is told where to get one (401)',
  slash: 'so is who types a slash at the end, without a redirect',
  agents: 'and whatever a client calls itself: nothing on the way keeps assistants out',
  wrong: ['garbage for a token', 'a token with alg none (RFC 8725 §3.1)', 'a token that somebody else signed'].map((what) => `who has ${what} is refused (401 invalid_token)`),
  query: 'who has a token in the query string is refused',
  signIn: 'the test user signs in, and a client gets its tokens',
  token: 'the token is of this issuer, for this resource, and signed with a published key, byte for byte',
  lists: 'it lists the tools',
  calls: 'it calls a tool',
  stepUp: 'without the scope of a tool it is told every scope that the tool needs (403 insufficient_scope)',
  idToken: 'the ID token of the same sign-in is refused (RFC 8725 §3.11)',
  refreshToken: 'the refresh token of the same sign-in is refused (RFC 8725 §3.11)',
  stream: 'an answer that is a stream comes as it is written, and is not held back',
  keptAlive: 'an answer that is a stream is kept alive while it is silent',
  refresh: 'a refresh token is given for offline_access, is renewed with each use, and an old one is refused (OAuth 2.1 §4.3.1)',
  page: 'the sign-in page opens, from every address and for every client of the config',
  plain: 'a sign-in with the PKCE method plain is refused (OAuth 2.1)',
  withoutPkce: 'a sign-in without PKCE is refused (OAuth 2.1)',
  implicit: 'a sign-in for the implicit grant is refused (OAuth 2.1)',
  password: 'passwords are taken on the sign-in page only, not by clients (password grant)',
  registration: 'clients may register themselves, as those of the config and no others (registration)',
  offers: 'offer what clients look for: PKCE with S256, refresh tokens (offline_access), the scopes of the servers',
  keys: `${origin}${realmPath}/protocol/openid-connect/certs has public keys for signatures, and nothing private`,
  resourceDocument: (path: string) => `${origin}${path} names the resource and its issuer (RFC 9728)`,
  issuerDocument: (path: string) => `${origin}${path} names the issuer it is of (RFC 8414)`,
};
const issuerDocuments = [`/.well-known/oauth-authorization-server${realmPath}`, `/.well-known/openid-configuration${realmPath}`, `${realmPath}/.well-known/openid-configuration`, '/.well-known/oauth-authorization-server'].map(called.issuerDocument);

export interface Break {
  readonly what: string;
  readonly breaks: (room: Room) => unknown;
  /** Every check that fails of it, in the order of the report, and no other. */
  readonly fails: readonly string[];
  /** What the first of them is told to have found. */
  readonly found: string | RegExp;
  /** Of the command. Default: `--quick`. */
  readonly options?: (room: Room) => readonly string[];
}

/** The ways to break a stack. */
export const breaks: readonly Break[] = [
  {
    what: 'a resource with a slash in its metadata',
    breaks: ({ front }) => front.edit((text) => [published, `${published}/mcp`].reduce((edited, path) => inLocation(edited, at(path), ['sub_filter_types application/json;', `sub_filter '${resource}"' '${resource}/"';`]), text)),
    fails: [called.resourceDocument(`${published}/mcp`), called.resourceDocument(published)],
    found: `"${resource}/"`,
  },
  { what: 'metadata at the root only', breaks: ({ front }) => front.edit((text) => withoutLocation(text, at(`${published}/mcp`))), fails: [called.resourceDocument(`${published}/mcp`)], found: /^404/ },
  { what: 'no metadata at the root, for clients from before protected resource metadata', breaks: ({ front }) => front.edit((text) => withoutLocation(text, at('/.well-known/oauth-authorization-server'))), fails: [issuerDocuments.at(-1)!], found: /^404/ },
  { what: 'metadata that pages of other origins may not read', breaks: ({ front }) => front.edit((text) => text.replace('add_header Access-Control-Allow-Origin * always;', '')), fails: [called.resourceDocument(`${published}/mcp`)], found: 'no such header' },
  { what: 'buffering switched on', breaks: ({ front }) => front.edit((text) => inLocation(text, at('/mcp'), ['proxy_ignore_headers X-Accel-Buffering;']).replace('proxy_buffering off;', 'proxy_buffering on;')), fails: [called.stream], found: 'nothing within 5 seconds' },
  { what: 'streams cut that are silent for 10 seconds', breaks: ({ front }) => front.edit((text) => text.replace('proxy_read_timeout 360s;', 'proxy_read_timeout 10s;')), fails: [called.keptAlive], found: 'that the stream was cut', options: () => [] },
  { what: 'the admin console public', breaks: ({ front }) => front.edit((text) => withLocation(text, `location ~ ^/auth/admin { proxy_pass ${keycloak}; }`)), fails: ['not public: Keycloak’s admin console and admin API'], found: /^30\d to / },
  { what: 'the realm master public', breaks: ({ front }) => front.edit((text) => withLocation(text, `location ~ ^/auth/realms/master { proxy_pass ${keycloak}; }`)), fails: ['not public: Keycloak’s realm master'], found: /^200/ },
  { what: 'nginx’s figures public', breaks: ({ front }) => front.edit((text) => withLocation(text, 'location = /stub_status { stub_status; }')), fails: ['not public: metrics'], found: /^200 Active connections/ },
  { what: 'a redirect where the URL ends in a slash', breaks: ({ front }) => front.edit((text) => inLocation(text, at('/mcp/'), [`return 301 ${resource};`])), fails: [called.slash], found: new RegExp(`^301 to ${resource} `) },
  { what: 'assistants kept out by what they call themselves', breaks: ({ front }) => front.edit((text) => inLocation(text, at('/mcp'), ['if ($http_user_agent ~ Claude) { return 403; }'])), fails: [called.agents], found: /^403/ },
  { what: 'an allow-list on sign-in', breaks: ({ front }) => front.edit((text) => inLocation(text, at(`${realmPath}/protocol/openid-connect/auth`), ['allow 192.0.2.0/24;', 'deny all;'])), fails: [called.page, called.signIn], found: /^403.*address_not_allowed/ },
  {
    what: 'a challenge that does not say where to sign in',
    breaks: ({ front }) => front.edit((text) => inLocation(text, at('/mcp'), ['proxy_hide_header WWW-Authenticate;', `add_header WWW-Authenticate 'Bearer scope="mcp:read"' always;`])),
    fails: [called.none, ...called.wrong, called.stepUp],
    found: 'nothing',
  },
  { what: 'an expired certificate', breaks: async (room) => serveCertificate(room, await room.authority.issueExpired('old', ['DNS:localhost'])), fails: ['has a certificate that is in its time, and renewed in time'], found: /until Mar +1 00:00:00 2020/, options: ({ trusting }) => trusting },
  { what: 'a certificate of another name', breaks: async (room) => serveCertificate(room, await room.authority.issue('other', ['DNS:other.example'])), fails: ['has a certificate with its name'], found: 'DNS:other.example', options: ({ trusting }) => trusting },
  { what: 'a certificate of a CA that nobody trusts', breaks: async (room) => serveCertificate(room, await room.authority.issue('untrusted', ['DNS:localhost'])), fails: ['has a certificate of a CA that is trusted'], found: /UNABLE_TO_|issued by CN=Simulation/ },
  { what: 'TLS of long ago', breaks: ({ front }) => front.edit((text) => text.replace(/ssl_protocols .*;/, 'ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;').replace(/ssl_ciphers .*;/, 'ssl_ciphers ALL:@SECLEVEL=0;')), fails: ['speaks TLS 1.2 and 1.3, and nothing older'], found: 'TLSv1.1 spoken' },
  { what: 'a key set without keys', breaks: ({ front }) => front.edit((text) => inLocation(text, at(`${realmPath}/protocol/openid-connect/certs`), ['default_type application/json;', 'add_header Access-Control-Allow-Origin * always;', `return 200 '{"keys":[]}';`])), fails: [called.keys, called.token], found: '0 keys of another kind' },
  { what: 'an audience with a slash', breaks: ({ realm }) => realm.edit(audience, (mapper) => ({ ...mapper, config: { ...(mapper.config as object), 'included.custom.audience': `${resource}/` } })), fails: [called.token, called.lists, called.calls, called.stepUp, called.refresh], found: `"${resource}/"` },
  { what: 'an issuer without /auth', breaks: ({ realm }) => realm.edit('', (settings) => ({ ...settings, attributes: { ...(settings.attributes as object), frontendUrl: origin } })), fails: [...issuerDocuments, called.registration, called.signIn], found: `"${origin}/realms/main"` },
  { what: 'no offline_access', breaks: ({ realm }) => realm.edit('/client-scopes[name=offline_access]', (scope) => ({ ...scope, name: 'gone' })), fails: [called.offers, called.refresh], found: 'without scopes_supported offline_access' },
  { what: 'registration closed', breaks: ({ realm }) => realm.edit(registrationPolicy, (policy) => ({ ...policy, config: { ...(policy.config as object), open: ['false'] } })), fails: [called.registration], found: /^403.*Registration is closed/ },
  { what: 'refresh tokens that are not renewed', breaks: ({ realm }) => realm.edit('', (settings) => ({ ...settings, revokeRefreshToken: false })), fails: [called.refresh], found: '200' },
  {
    what: 'sign-in without PKCE',
    breaks: ({ realm }) => {
      realm.edit('/client-policies/profiles', withoutExecutor('pkce-enforcer'));
      realm.edit('/clients[clientId=claude]', (client) => ({ ...client, attributes: { ...(client.attributes as object), 'pkce.code.challenge.method': '' } }));
    },
    fails: [called.withoutPkce, called.plain],
    found: 'the sign-in page',
  },
  {
    what: 'the implicit grant',
    breaks: ({ realm }) => {
      realm.edit('/client-policies/profiles', withoutExecutor('reject-implicit-grant'));
      realm.edit('/clients[clientId=claude]', (client) => ({ ...client, implicitFlowEnabled: true }));
    },
    fails: [called.implicit],
    found: 'the sign-in page',
  },
  { what: 'the password grant', breaks: ({ realm }) => realm.edit('/client-policies/profiles', withoutExecutor('reject-ropc-grant')), fails: [called.password], found: /Invalid user credentials/ },
  {
    what: 'the gateway stopped',
    breaks: ({ undo }) => {
      const container = containerOf(stack, 'server');
      execFileSync('docker', ['stop', container]);
      undo.push(async () => {
        execFileSync('docker', ['start', container]);
        while (!execFileSync('docker', ['inspect', '--format', '{{.State.Health.Status}}', container], { encoding: 'utf8' }).startsWith('healthy')) await sleep(200);
      });
    },
    fails: [called.resourceDocument(`${published}/mcp`), called.resourceDocument(published), called.none, called.slash, called.agents, ...called.wrong, called.query, called.lists, called.calls, called.stepUp, called.idToken, called.refreshToken],
    found: /^503/,
  },
];
