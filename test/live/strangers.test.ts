import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { beforeEach, describe, it } from 'vitest';
import { AGENTS } from '../../cloudflare/checks/probe.ts';
import { challengeOf } from '../support/mcp-request.ts';
import { needsToBeLetIn } from './allowed.ts';
import { inWords, mcp } from './ask.ts';
import { demand, demandSame, notLookedAt } from './finding.ts';
import { needsTheWayIn } from './handshake.ts';
import { config, endpoints, up } from './subject.ts';

const { issuer, servers } = endpoints;
const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
const anew = `${up} brings the front and the gateway to what the config says.`;

/** The claims of a token that would be right, but for its signature. */
const claims = (resource: string) => ({ iss: issuer?.issuer, aud: resource, sub: 'nobody', typ: 'Bearer', azp: 'nobody', scope: 'openid', iat: now(), exp: now() + 300 });
const now = () => Math.floor(Date.now() / 1000);

async function signedByAnother(resource: string): Promise<string> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  return new SignJWT(claims(resource)).setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: 'drawbridge-verify', jwk: await exportJWK(publicKey) }).sign(privateKey);
}

const wrong: [string, (resource: string) => string | Promise<string>][] = [
  ['garbage for a token', () => 'garbage'],
  ['a token with alg none (RFC 8725 §3.1)', (resource) => `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims(resource))}.`],
  ['a token that somebody else signed', signedByAnother],
];

describe.each(servers)('Without a right token: $resource', { concurrent: true }, ({ name, resource, metadataUrl }) => {
  beforeEach(needsTheWayIn);
  beforeEach((context) => needsToBeLetIn(context, resource));
  beforeEach((context) => void (config.auth === 'none' && notLookedAt(context, 'drawbridge:auth is none: everyone is let in')));
  const [scope] = config.servers.find((server) => server.name === name)!.scopes;

  async function demandChallenge(answer: Response, error?: string): Promise<void> {
    demand(answer.status === 401, { expected: '401', found: await inWords(answer), remedy: answer.status < 400 && answer.status >= 300 ? `A redirect costs clients their token: serve the path with and without its slash. ${anew}` : anew });
    const challenge = challengeOf(answer);
    demandSame(challenge.error, error, 'the error', anew);
    demandSame(challenge.resource_metadata, metadataUrl, 'resource_metadata in WWW-Authenticate', `Clients that know nothing but the URL find sign-in by it (RFC 9728 §5.1). ${anew}`);
    if (metadataUrl) demandSame(challenge.scope, scope, 'the scope in WWW-Authenticate', anew);
  }

  it('who has none is told where to get one (401)', async () => demandChallenge(await mcp({ url: resource })));

  it('so is who types a slash at the end, without a redirect', async () => demandChallenge(await mcp({ url: `${resource}/` })));

  it('and whatever a client calls itself: nothing on the way keeps assistants out', async () => {
    for (const agent of AGENTS) {
      const answer = await mcp({ url: resource, headers: { 'user-agent': agent } });
      const remedy = config.tier === 'tunnel' ? 'Cloudflare: switch off “Block AI bots” and AI Crawl Control’s blocks for the zone; a WAF skip rule is not enough. Security → Events shows which it was.' : 'Find what stands before the front and looks at user agents.';
      demand(answer.status === 401, { expected: `401 for the user agent ${agent}`, found: await inWords(answer), remedy });
    }
  });

  it.each(wrong)('who has %s is refused (401 invalid_token)', async (_, token) => demandChallenge(await mcp({ url: resource, token: await token(resource) }), metadataUrl && 'invalid_token'));

  it('who has a token in the query string is refused', async () => {
    const answer = await mcp({ url: `${resource}?access_token=garbage` });
    demand([400, 401].includes(answer.status), { expected: '401', found: await inWords(answer), remedy: anew });
  });
});
