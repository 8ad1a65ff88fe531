import { decodeJwt } from 'jose';
import { beforeEach, describe, it } from 'vitest';
import type { Tokens } from '../support/code-flow.ts';
import { inWords } from './ask.ts';
import { demand, demandSame, notLookedAt } from './finding.ts';
import { needsTheWayIn } from './handshake.ts';
import { baseScope, signIn, signsIn, tokensFor } from './session.ts';
import { config, endpoints, up } from './subject.ts';

const remedy = `Without it people sign in again and again, or a stolen one is good for ever. ${up} sets what the code owns of the realm.`;

describe('Staying signed in', () => {
  beforeEach(needsTheWayIn);

  it('a refresh token is given for offline_access, is renewed with each use, and an old one is refused (OAuth 2.1 §4.3.1)', async (context) => {
    if (!signsIn) notLookedAt(context, 'nobody signs in: there is no test user, or a token was given');
    const server = endpoints.servers[0]!;
    const scope = `${baseScope(server)} offline_access`;
    const { flow, tokens } = await signIn(server, scope).catch(async (error: unknown) => {
      await tokensFor(server).catch(() => notLookedAt(context, 'nobody could sign in, told above'));
      throw error;
    });
    demand(tokens.refresh_token !== undefined && tokens.scope.split(' ').includes('offline_access'), { expected: 'a refresh token, with offline_access', found: tokens.refresh_token === undefined ? 'none' : `one for ${tokens.scope}`, remedy });
    const first = await flow.refresh(tokens.refresh_token);
    demand(first.status === 200, { expected: '200 for a refresh', found: await inWords(first.clone()), remedy });
    const renewed = (await first.json()) as Tokens;
    demand(renewed.refresh_token !== tokens.refresh_token, { expected: 'another refresh token than before', found: 'the same', remedy });
    demandSame([decodeJwt(renewed.access_token).aud ?? []].flat(), [server.resource], 'the audience of the new token', remedy);
    // One answer may be lost on the way, where the config says so.
    const again: Response[] = [];
    for (let uses = 0; uses <= config.sessions.refreshTokenMaxReuse; uses += 1) again.push(await flow.refresh(tokens.refresh_token));
    demand(again.at(-1)!.status === 400, { expected: `400 for an old refresh token (refreshTokenMaxReuse ${config.sessions.refreshTokenMaxReuse})`, found: `${again.at(-1)!.status}`, remedy });
  });
});
