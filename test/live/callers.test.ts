import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose';
import { beforeEach, describe, it, type TestContext } from 'vitest';
import { challengeOf } from '../support/mcp-request.ts';
import type { Tokens } from '../support/code-flow.ts';
import { needsToBeLetIn } from './allowed.ts';
import { ask, inWords } from './ask.ts';
import { call } from './call.ts';
import { demand, demandSame, notLookedAt } from './finding.ts';
import { firstAnswer, hasNoTools, remedyFor, replyIn } from './first-answer.ts';
import { needsTheWayIn } from './handshake.ts';
import { accessTokenFor, audiencesOf, baseScope, signsIn, tokensFor } from './session.ts';
import { EventStream } from './event-stream.ts';
import { config, endpoints, looks, realm, up } from './subject.ts';

const { servers } = endpoints;
const anew = `${up} brings realm, front and gateway to what the config says.`;
const buffers = config.tier === 'tunnel' ? 'Look for what stands between Cloudflare and its clients, and whether the answer still has X-Accel-Buffering: no.' : `Look for a proxy before the front; ${up} renders the front anew.`;
/** In milliseconds: a connection and a slow machine; and the time between keep-alives (15 s), with the same on top. */
const SOON = 5_000;
const SILENCE = 30_000;
const serverOf = (name: string) => config.servers.find((server) => server.name === name)!;

/** @returns the token that a server is called with; none where everyone is let in */
const tokenFor = async (context: TestContext, server: (typeof servers)[number]) => (config.auth === 'none' ? undefined : accessTokenFor(context, server));

describe.each(servers)('With a right token: $resource', { concurrent: true, timeout: 150_000 }, (server) => {
  const { name, resource, metadataUrl } = server;
  beforeEach(needsTheWayIn);

  /** Whoever may not call learns nothing more. */
  async function demandTaken(context: TestContext, answer: Response): Promise<void> {
    const said = await inWords(answer.clone());
    if (answer.status === 403 && said.includes('access_denied')) notLookedAt(context, 'drawbridge:allowlist does not have the user of this token');
    // What the gateway says of a server, and not what the front says of the gateway.
    const trouble = answer.status >= 500 ? (await replyIn(answer))?.error : undefined;
    const remedy = trouble ? remedyFor(serverOf(name), trouble.message) : anew;
    demand(answer.status === 200, { expected: '200', found: said, remedy: answer.status === 401 ? `The gateway does not take what the issuer gives: compare audience, issuer and keys above. ${anew}` : remedy });
  }

  let first: Promise<Response> | undefined;
  /** Asked for once: what is timed is timed with a server that has started. */
  const toolsAnswer = async (token: string | undefined) => (await (first ??= firstAnswer(serverOf(name), resource, token))).clone();

  it('the test user signs in, and a client gets its tokens', async (context) => {
    if (!signsIn) notLookedAt(context, 'nobody signs in: there is no test user, or a token was given');
    await tokensFor(server);
  });

  it('the token is of this issuer, for this resource, and signed with a published key, byte for byte', async (context) => {
    if (!realm) notLookedAt(context, 'the tokens are not of a Keycloak of Drawbridge’s');
    const token = await accessTokenFor(context, server);
    const claims = decodeJwt(token);
    demandSame(claims.iss, realm.issuer, 'the issuer', anew);
    const meant = [claims.aud ?? []].flat();
    demandSame(meant.length === 1 ? meant[0] : meant, resource, 'the audience', `The audience mapper of the scope ${baseScope(server)} has to say exactly that. ${anew}`);
    const keys = (await (await ask(realm.jwksUrl)).json().catch(() => notLookedAt(context, 'there are no keys, told above'))) as JSONWebKeySet;
    const problem = await jwtVerify(token, createLocalJWKSet(keys)).then(() => undefined, (error: Error) => error.message);
    demand(problem === undefined, { expected: 'a signature by a key of the JWKS', found: String(problem), remedy: anew });
  });

  it('it lists the tools', async (context) => {
    await needsToBeLetIn(context, resource);
    const answer = await toolsAnswer(await tokenFor(context, server));
    const reply = await replyIn(answer);
    if (hasNoTools(reply)) notLookedAt(context, 'the server says that it has none');
    await demandTaken(context, answer);
    demand(Array.isArray(reply?.result?.tools), { expected: 'a list of tools', found: reply?.error?.message?.slice(0, 160) ?? (await inWords(answer)), remedy: remedyFor(serverOf(name), reply?.error?.message) });
  });

  it('it calls a tool', async (context) => {
    await needsToBeLetIn(context, resource);
    // Of servers that are not ours nobody here knows what a tool does.
    if (serverOf(name).backend !== 'builtin') notLookedAt(context, 'which tools of it are safe to call is not known');
    const token = await tokenFor(context, server);
    const answer = await call(resource, token, { method: 'tools/call', name: 'whoami', arguments: {} });
    await demandTaken(context, answer.clone());
    const said = await answer.clone().text();
    demand(said.includes('"structuredContent"') && !said.includes('"isError":true'), { expected: 'the answer of whoami', found: await inWords(answer), remedy: anew });
  });

  it('without the scope of a tool it is told every scope that the tool needs (403 insufficient_scope)', async (context) => {
    await needsToBeLetIn(context, resource);
    const { tools, implies } = serverOf(name);
    const token = await accessTokenFor(context, server);
    const has = config.auth === 'oauth' ? String(claimsOf(token).scope ?? '').split(' ') : serverOf(name).scopes;
    const [tool, scope] = Object.entries(tools).find(([tool, scope]) => !tool.includes('*') && !has.includes(scope) && !has.some((one) => implies[one]?.includes(scope))) ?? notLookedAt(context, 'no tool needs more than the token has');
    const answer = await call(resource, token, { method: 'tools/call', name: tool, arguments: {} });
    if (answer.status !== 403) await demandTaken(context, answer.clone());
    const challenge = challengeOf(answer);
    demand(challenge.error === 'insufficient_scope' && (challenge.scope ?? '').split(' ').includes(scope), { expected: `403 insufficient_scope with ${scope}`, found: await inWords(answer), remedy: anew });
    demandSame(challenge.resource_metadata, metadataUrl, 'resource_metadata', anew);
  });

  for (const [what, pick] of [['ID token', ({ id_token }: Tokens) => id_token], ['refresh token', ({ refresh_token }: Tokens) => refresh_token]] as const)
    it(`the ${what} of the same sign-in is refused (RFC 8725 §3.11)`, async (context) => {
      await needsToBeLetIn(context, resource);
      const other = signsIn ? pick(await tokensFor(server).catch(() => notLookedAt(context, 'nobody could sign in, told above'))) : undefined;
      if (!other) notLookedAt(context, `there is no ${what}`);
      const answer = await call(resource, other, { method: 'tools/list' });
      demand(answer.status === 401, { expected: '401', found: await inWords(answer), remedy: `The gateway must take access tokens for ${resource} and nothing else. ${anew}` });
    });

  it('a token for another server of the stack is refused (RFC 8707 §2)', async (context) => {
    await needsToBeLetIn(context, resource);
    if (config.auth === 'bearer') notLookedAt(context, 'drawbridge:auth is bearer: its tokens are for every server');
    const other = servers.find((each) => each !== server) ?? notLookedAt(context, 'there is no other');
    const token = await accessTokenFor(context, other);
    if (audiencesOf(token).includes(resource)) notLookedAt(context, 'the token that was given is for both');
    const answer = await call(resource, token, { method: 'tools/list' });
    demand(answer.status === 401, { expected: '401', found: await inWords(answer), remedy: `The gateway must compare the audience. ${anew}` });
  });

  describe('an answer that is a stream', () => {
    // A tool that is silent for long. Other servers may have none: those are asked for what they say unasked.
    const streaming = serverOf(name).backend === 'builtin' ? { method: 'tools/call', name: 'wait', arguments: { seconds: 300 } } : { method: 'subscriptions/listen', notifications: {} };

    it('comes as it is written, and is not held back', async (context) => {
      const stream = await opened(context);
      const first = await stream?.next(SOON);
      stream?.close();
      demand(first !== undefined, { expected: 'the first event as soon as it is sent', found: `nothing within ${SOON / 1000} seconds`, remedy: `Something on the way buffers answers. ${buffers}` });
    });

    it('is kept alive while it is silent', { timeout: 300_000 }, async (context) => {
      const { silence } = looks!;
      if (silence === 'none') notLookedAt(context, 'that takes about 20 seconds, which --quick leaves out');
      const stream = (await opened(context)) ?? notLookedAt(context, 'it is held back, told above');
      await stream.next(SOON);
      // Cloudflare cuts what is silent for about 100 seconds; many proxies do after 60.
      for (const until = Date.now() + (silence === 'long' ? 130_000 : 0), once = { more: true }; once.more; once.more = Date.now() < until) {
        const said = await stream.next(SILENCE);
        if (stream.ended && streaming.method === 'subscriptions/listen') notLookedAt(context, 'the server itself ends its stream: it has nothing to say unasked');
        demand(said !== undefined, { expected: `a keep-alive at least every ${SILENCE / 1000} seconds`, found: stream.ended ? 'that the stream was cut' : 'silence', remedy: `Streams that are silent are cut on the way, at Cloudflare after 100 seconds. ${buffers}` });
      }
      stream.close();
    });

    async function opened(context: TestContext): Promise<EventStream | undefined> {
      await needsToBeLetIn(context, resource);
      const token = await tokenFor(context, server);
      const answer = await toolsAnswer(token).catch(() => notLookedAt(context, 'the server does not answer, told above'));
      const reply = await replyIn(answer);
      if (!reply?.result && !hasNoTools(reply)) notLookedAt(context, 'the server does not answer as it must, told above');
      const stream = await EventStream.open(resource, token, streaming, SOON);
      if (!stream) return undefined;
      if (stream.answer.status === 401 || stream.answer.status === 403) notLookedAt(context, 'the token is not taken, told above');
      if (!stream.isStream) notLookedAt(context, `the server keeps no stream open: ${await inWords(stream.answer)}`);
      return stream;
    }
  });
});

const claimsOf = (token: string): Record<string, unknown> => (audiencesOf(token).length > 0 ? decodeJwt(token) : {});
