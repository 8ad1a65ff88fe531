import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { projectDirectory } from '../../cli/stack-file.ts';
import type { Report } from '../../cli/verify.ts';
import { BrokenFront, inLocation, withLocation, withoutLocation } from '../support/broken-front.ts';
import { BrokenRealm } from '../support/broken-realm.ts';
import { containerOf } from '../support/container.ts';
import { npmRun, printed } from '../support/npm-run.ts';
import { Authority } from '../tunnel/identity.ts';

const stack = 'verified';
const port = 18451;
const origin = `https://localhost:${port}`;
const resource = `${origin}/mcp`;
const stackFile = join(projectDirectory, `Pulumi.${stack}.yaml`);
const folder = mkdtempSync(join(tmpdir(), 'drawbridge-verify-'));

let outputs: Record<string, unknown>;
let front: BrokenFront;
let realm: BrokenRealm;
let authority: Authority;
const undo: (() => unknown)[] = [];

/** @returns the report, which agrees with the exit code */
async function verify(...options: string[]): Promise<Report> {
  const { code, stdout, stderr } = await npmRun('verify', '--stack', stack, '--json', ...options);
  if (!stdout) throw new Error(stderr);
  const report = JSON.parse(stdout) as Report;
  expect(code).toBe(report.ok ? 0 : 1);
  return report;
}
const failed = ({ checks }: Report) => checks.filter(({ result }) => result === 'failed');
const sentences = (report: Report) => failed(report).map(({ check }) => check);

/** Outputs with other values, as a file. */
function outputsWith(changes: object): string {
  const file = join(folder, 'outputs.json');
  writeFileSync(file, JSON.stringify({ ...outputs, ...changes }), { mode: 0o600 });
  return file;
}

/** Has the front serve another certificate, of a CA that clients trust where they are told to. */
async function serveCertificate({ certificate, key }: { certificate: string; key: string }): Promise<void> {
  front.put('fullchain.pem', certificate);
  const directory = front.put('privkey.pem', key);
  await front.edit((text) => text.replace('default /run/nginx/certificate;', `default ${directory};`));
}
const trusting = () => ['--outputs', outputsWith({ caCertificate: authority.certificate })];

const keycloak = 'http://keycloak:8080';
const realmPath = '/auth/realms/main';
const at = (path: string) => `location = ${path} {`;
const published = '/.well-known/oauth-protected-resource';
const withoutExecutor = (name: string) => (entry: Record<string, unknown>) => ({
  profiles: (entry.profiles as { executors: { executor: string }[] }[]).map((profile) => ({ ...profile, executors: profile.executors.filter(({ executor }) => executor !== name) })),
});
const registrationPolicy = '/components[name=Sign-in Only]';
const audience = '/client-scopes[name=mcp:read]/protocol-mappers/models[name=audience]';

// What the checks are called.
const called = {
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

interface Break {
  readonly what: string;
  readonly breaks: () => unknown;
  /** Every check that fails of it, in the order of the report, and no other. */
  readonly fails: readonly string[];
  /** What the first of them is told to have found. */
  readonly found: string | RegExp;
  readonly options?: () => string[];
}

const breaks: Break[] = [
  {
    what: 'a resource with a slash in its metadata',
    breaks: () => front.edit((text) => [published, `${published}/mcp`].reduce((edited, path) => inLocation(edited, at(path), ['sub_filter_types application/json;', `sub_filter '${resource}"' '${resource}/"';`]), text)),
    fails: [called.resourceDocument(`${published}/mcp`), called.resourceDocument(published)],
    found: `"${resource}/"`,
  },
  { what: 'metadata at the root only', breaks: () => front.edit((text) => withoutLocation(text, at(`${published}/mcp`))), fails: [called.resourceDocument(`${published}/mcp`)], found: /^404/ },
  { what: 'no metadata at the root, for clients from before protected resource metadata', breaks: () => front.edit((text) => withoutLocation(text, at('/.well-known/oauth-authorization-server'))), fails: [issuerDocuments.at(-1)!], found: /^404/ },
  { what: 'metadata that pages of other origins may not read', breaks: () => front.edit((text) => text.replace('add_header Access-Control-Allow-Origin * always;', '')), fails: [called.resourceDocument(`${published}/mcp`)], found: 'no such header' },
  { what: 'buffering switched on', breaks: () => front.edit((text) => inLocation(text, at('/mcp'), ['proxy_ignore_headers X-Accel-Buffering;']).replace('proxy_buffering off;', 'proxy_buffering on;')), fails: [called.stream], found: 'nothing within 5 seconds' },
  { what: 'streams cut that are silent for 10 seconds', breaks: () => front.edit((text) => text.replace('proxy_read_timeout 360s;', 'proxy_read_timeout 10s;')), fails: [called.keptAlive], found: 'that the stream was cut', options: () => [] },
  { what: 'the admin console public', breaks: () => front.edit((text) => withLocation(text, `location ~ ^/auth/admin { proxy_pass ${keycloak}; }`)), fails: ['not public: Keycloak’s admin console and admin API'], found: /^30\d to / },
  { what: 'the realm master public', breaks: () => front.edit((text) => withLocation(text, `location ~ ^/auth/realms/master { proxy_pass ${keycloak}; }`)), fails: ['not public: Keycloak’s realm master'], found: /^200/ },
  { what: 'nginx’s figures public', breaks: () => front.edit((text) => withLocation(text, 'location = /stub_status { stub_status; }')), fails: ['not public: metrics'], found: /^200 Active connections/ },
  { what: 'a redirect where the URL ends in a slash', breaks: () => front.edit((text) => inLocation(text, at('/mcp/'), [`return 301 ${resource};`])), fails: [called.slash], found: new RegExp(`^301 to ${resource} `) },
  { what: 'assistants kept out by what they call themselves', breaks: () => front.edit((text) => inLocation(text, at('/mcp'), ['if ($http_user_agent ~ Claude) { return 403; }'])), fails: [called.agents], found: /^403/ },
  { what: 'an allow-list on sign-in', breaks: () => front.edit((text) => inLocation(text, at(`${realmPath}/protocol/openid-connect/auth`), ['allow 192.0.2.0/24;', 'deny all;'])), fails: [called.page, called.signIn], found: /^403.*address_not_allowed/ },
  {
    what: 'a challenge that does not say where to sign in',
    breaks: () => front.edit((text) => inLocation(text, at('/mcp'), ['proxy_hide_header WWW-Authenticate;', `add_header WWW-Authenticate 'Bearer scope="mcp:read"' always;`])),
    fails: [called.none, ...called.wrong, called.stepUp],
    found: 'nothing',
  },
  { what: 'an expired certificate', breaks: async () => serveCertificate(await authority.issueExpired('old', ['DNS:localhost'])), fails: ['has a certificate that is in its time, and renewed in time'], found: /until Mar +1 00:00:00 2020/, options: trusting },
  { what: 'a certificate of another name', breaks: async () => serveCertificate(await authority.issue('other', ['DNS:other.example'])), fails: ['has a certificate with its name'], found: 'DNS:other.example', options: trusting },
  { what: 'a certificate of a CA that nobody trusts', breaks: async () => serveCertificate(await authority.issue('untrusted', ['DNS:localhost'])), fails: ['has a certificate of a CA that is trusted'], found: /UNABLE_TO_|issued by CN=Simulation/ },
  { what: 'TLS of long ago', breaks: () => front.edit((text) => text.replace(/ssl_protocols .*;/, 'ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;').replace(/ssl_ciphers .*;/, 'ssl_ciphers ALL:@SECLEVEL=0;')), fails: ['speaks TLS 1.2 and 1.3, and nothing older'], found: 'TLSv1.1 spoken' },
  { what: 'a key set without keys', breaks: () => front.edit((text) => inLocation(text, at(`${realmPath}/protocol/openid-connect/certs`), ['default_type application/json;', 'add_header Access-Control-Allow-Origin * always;', `return 200 '{"keys":[]}';`])), fails: [called.keys, called.token], found: '0 keys of another kind' },
  { what: 'an audience with a slash', breaks: () => realm.edit(audience, (mapper) => ({ ...mapper, config: { ...(mapper.config as object), 'included.custom.audience': `${resource}/` } })), fails: [called.token, called.lists, called.calls, called.stepUp, called.refresh], found: `"${resource}/"` },
  { what: 'an issuer without /auth', breaks: () => realm.edit('', (settings) => ({ ...settings, attributes: { ...(settings.attributes as object), frontendUrl: origin } })), fails: [...issuerDocuments, called.registration, called.signIn], found: `"${origin}/realms/main"` },
  { what: 'no offline_access', breaks: () => realm.edit('/client-scopes[name=offline_access]', (scope) => ({ ...scope, name: 'gone' })), fails: [called.offers, called.refresh], found: 'without scopes_supported offline_access' },
  { what: 'registration closed', breaks: () => realm.edit(registrationPolicy, (policy) => ({ ...policy, config: { ...(policy.config as object), open: ['false'] } })), fails: [called.registration], found: /^403.*Registration is closed/ },
  { what: 'refresh tokens that are not renewed', breaks: () => realm.edit('', (settings) => ({ ...settings, revokeRefreshToken: false })), fails: [called.refresh], found: '200' },
  {
    what: 'sign-in without PKCE',
    breaks: () => {
      realm.edit('/client-policies/profiles', withoutExecutor('pkce-enforcer'));
      realm.edit('/clients[clientId=claude]', (client) => ({ ...client, attributes: { ...(client.attributes as object), 'pkce.code.challenge.method': '' } }));
    },
    fails: [called.withoutPkce, called.plain],
    found: 'the sign-in page',
  },
  {
    what: 'the implicit grant',
    breaks: () => {
      realm.edit('/client-policies/profiles', withoutExecutor('reject-implicit-grant'));
      realm.edit('/clients[clientId=claude]', (client) => ({ ...client, implicitFlowEnabled: true }));
    },
    fails: [called.implicit],
    found: 'the sign-in page',
  },
  { what: 'the password grant', breaks: () => realm.edit('/client-policies/profiles', withoutExecutor('reject-ropc-grant')), fails: [called.password], found: /Invalid user credentials/ },
  {
    what: 'the gateway stopped',
    breaks: () => {
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

describe('a stack that people use', { timeout: 300_000 }, () => {
  beforeAll(async () => {
    authority = await Authority.create(join(folder, 'identity'));
    writeFileSync(stackFile, stringify({ config: { 'drawbridge:profile': 'local', 'drawbridge:localPort': port } }));
    await npmRun('down', '--stack', stack, '--yes');
    const { verify, outputs: made } = JSON.parse(await printed('up', '--stack', stack, '--yes', '--json')) as { verify: Report; outputs: typeof outputs };
    // By `up` itself.
    expect(sentences(verify)).toEqual([]);
    outputs = made;
    front = new BrokenFront(stack, port);
    realm = new BrokenRealm(stack, 'main');
  }, 600_000);
  afterEach(async () => {
    for (const back of undo.splice(0)) await back();
    realm.putBack();
    await front.putBack();
  });
  afterAll(async () => {
    realm?.leave();
    await npmRun('down', '--stack', stack, '--yes');
    rmSync(stackFile, { force: true });
    rmSync(folder, { recursive: true });
  }, 300_000);

  it('passes, with what was not looked at named as such, and from where it was looked', async () => {
    const report = await verify();
    expect(report.looked).toEqual([expect.objectContaining({ host: 'localhost', where: 'same machine' })]);
    expect(report.checks.filter(({ result }) => result !== 'passed').map(({ check, result }) => `${check}: ${result}`)).toEqual([
      'serves nothing over plain http, and leads to https: not looked at',
      'tells browsers to come by https only (HSTS): not looked at',
      'the ports of what is behind the front are not open to the outside: not looked at',
      'a token for another server of the stack is refused (RFC 8707 §2): not looked at',
    ]);
  });

  // What one break left would be in the next one's list.
  it.each(breaks)('fails with $what, and says no more than follows from it', async ({ breaks, fails, found, options = () => ['--quick'] }) => {
    await breaks();
    const report = await verify(...options());
    expect(sentences(report)).toEqual(fails);
    const [first] = failed(report);
    expect(first!.found).toEqual(typeof found === 'string' ? found : expect.stringMatching(found));
    expect(first!.expected && first!.remedy).toBeTruthy();
  });

  it('without a token has passed no check that needs one', async () => {
    const { testUser: _, ...others } = outputs;
    const file = join(folder, 'outputs.json');
    writeFileSync(file, JSON.stringify(others), { mode: 0o600 });
    const report = await verify('--quick', '--outputs', file);
    expect(sentences(report)).toEqual([]);
    const needing = report.checks.filter(({ area }) => area.startsWith('With a right token') || area === 'Staying signed in');
    expect(needing.length).toBeGreaterThan(5);
    expect(new Set(needing.map(({ result }) => result))).toEqual(new Set(['not looked at']));
  });

  it('has `up` end with 1 and leave the stack where clients would not get on with it; --no-verify does not look', async () => {
    await front.edit((text) => withLocation(text, `location ~ ^/auth/admin { proxy_pass ${keycloak}; }`));
    const { code, stdout } = await npmRun('up', '--stack', stack, '--yes');
    expect(code).toBe(1);
    expect(stdout).toContain('✗ not public: Keycloak’s admin console and admin API');
    expect(stdout).toContain(`The stack stands and was left as it is, but clients would not get on with it: see above.\nWhen that is put right: npm run verify -- --stack ${stack}`);
    expect((await npmRun('up', '--stack', stack, '--yes', '--no-verify')).code).toBe(0);
  });

  it('passes again once all is put back', async () => {
    expect(sentences(await verify('--quick'))).toEqual([]);
  });
});
