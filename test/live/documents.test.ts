import { beforeEach, describe, it } from 'vitest';
import { outputs } from '../support/outputs.ts';
import { ask, inWords, jsonOf } from './ask.ts';
import { demand, demandSame } from './finding.ts';
import { needsTheWayIn } from './handshake.ts';
import { config, endpoints, originOf, realm, up } from './subject.ts';

const { authorizationServer, issuer, servers, origin, identityJwks } = endpoints;
const anew = `${up} renders the front and the realm anew.`;

/** Where the metadata of the realm is, in every form in which clients ask for it. */
const metadataUrls = authorizationServer ? authorizationServer.metadataPaths.map(({ host, path }) => `${originOf(host)}${path}`) : realm ? issuer!.metadataUrls : [];

/** Of a client that is a page of a browser. */
const ORIGIN = 'https://inspector.example';

/** A document that anyone may read, on pages of any origin (browser clients). */
async function read(url: string): Promise<Record<string, unknown>> {
  const answer = await ask(url, { headers: { origin: ORIGIN } });
  demand(answer.status === 200, { expected: `200 from ${url}`, found: await inWords(answer.clone()), remedy: `Every document of the config must be public, without a redirect, for every address. ${anew}` });
  const cache = answer.headers.get('cf-cache-status');
  demand(!cache || ['BYPASS', 'DYNAMIC'].includes(cache), { expected: 'an answer of the stack’s own each time', found: `one that Cloudflare keeps (cf-cache-status: ${cache})`, remedy: 'Caching → Cache Rules: except the name of the stack from the rule that says so, or put Drawbridge’s rule behind it.' });
  const allowed = answer.headers.get('access-control-allow-origin');
  demand(allowed === '*' || allowed === ORIGIN, { expected: 'that pages of any origin may read it (Access-Control-Allow-Origin)', found: allowed ?? 'no such header', remedy: anew });
  return jsonOf(answer, url, anew);
}

it('The outputs name the URLs of the config, byte for byte', () => {
  const remedy = `Outputs are of the last deployment: ${up}`;
  demandSame(outputs.issuer, issuer?.issuer, 'the issuer', remedy);
  demandSame(outputs.jwksUrl, realm?.jwksUrl, 'the JWKS', remedy);
  demandSame(outputs.authorizationServerMetadataUrl, realm?.metadataUrl, 'the authorization server’s metadata', remedy);
  for (const { name, resource, metadataUrl } of servers) {
    demandSame(outputs.resources[name]?.url, resource, `the URL of ${name}`, remedy);
    demandSame(outputs.resources[name]?.metadataUrl, metadataUrl, `the metadata of ${name}`, remedy);
  }
});

describe('The documents that clients read', { concurrent: true }, () => {
  beforeEach(needsTheWayIn);

  for (const { name, metadataPaths, resource } of servers)
    for (const path of metadataPaths)
      it(`${origin}${path} names the resource and its issuer (RFC 9728)`, async () => {
        const document = await read(`${origin}${path}`);
        const remedy = `Clients compare byte for byte, and stop where one differs. ${anew}`;
        demandSame(document.resource, resource, 'the resource', remedy);
        demandSame(document.authorization_servers, [issuer!.issuer], 'the authorization server', remedy);
        demandSame(document.scopes_supported, config.servers.find((server) => server.name === name)!.scopes, 'the scopes', remedy);
      });

  for (const url of metadataUrls)
    it(`${url} names the issuer it is of (RFC 8414)`, async () => {
      const document = await read(url);
      demandSame(document.issuer, realm!.issuer, 'the issuer', `Keycloak’s hostname option, or the realm’s Frontend URL, is not ${realm!.baseUrl}. ${anew}`);
      demandSame(document.jwks_uri, realm!.jwksUrl, 'the JWKS', anew);
      const elsewhere = Object.entries(document).filter(([key, value]) => key.endsWith('_endpoint') && !String(value).startsWith(`${realm!.issuer}/`));
      demand(elsewhere.length === 0, { expected: `every endpoint below ${realm!.issuer}`, found: elsewhere.map((entry) => entry.join(' ')).join(', '), remedy: anew });
    });

  if (realm)
    it('offer what clients look for: PKCE with S256, refresh tokens (offline_access), the scopes of the servers', async () => {
      const document = await read(realm!.metadataUrl);
      const lists = (member: string, value: string) => (Array.isArray(document[member]) ? document[member] : []).includes(value);
      const missing = [
        ['code_challenge_methods_supported', 'S256'],
        ['grant_types_supported', 'authorization_code'],
        ['grant_types_supported', 'refresh_token'],
        // Where it is not listed, Claude signs in again every hour.
        ['scopes_supported', 'offline_access'],
        ...config.servers.flatMap(({ scopes }) => scopes.map((scope) => ['scopes_supported', scope])),
      ].filter(([member, value]) => !lists(member!, value!));
      demand(missing.length === 0, { expected: 'all of these in the metadata', found: `without ${missing.map((entry) => entry.join(' ')).join(', ')}`, remedy: `Someone changed the realm’s client scopes or its discovery. ${anew}` });
    });

  if (realm)
    it(`${realm.jwksUrl} has public keys for signatures, and nothing private`, async () => {
      const { keys } = (await read(realm!.jwksUrl)) as { keys?: Record<string, string>[] };
      demand((keys ?? []).some(({ use, kty }) => use === 'sig' && kty !== 'oct'), { expected: 'a public key with use sig', found: `${keys?.length ?? 0} keys of another kind`, remedy: `Keycloak: Realm settings → Keys. ${anew}` });
      demand(!keys!.some((key) => 'd' in key || 'k' in key), { expected: 'public parts of keys alone', found: 'a private part', remedy: 'Take this stack off the internet, and have its signing key made anew.' });
    });

  if (identityJwks) it(`${identityJwks.url} has the keys of signed identities`, async () => void (await read(identityJwks.url)));

  if (config.auth === 'oauth' && issuer && !realm)
    it(`${issuer.issuer} names itself where clients look`, async () => {
      const answers = await Promise.all(issuer.metadataUrls.map((url) => ask(url).then(async (answer) => (answer.ok ? ((await answer.json()) as { issuer?: string }).issuer : undefined), () => undefined)));
      demandSame(answers.find((named) => named !== undefined), issuer.issuer, 'the issuer', 'drawbridge:authorizationServer.issuer must be what that server calls itself.');
    });
});
