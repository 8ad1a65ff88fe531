import { decodeJwt } from 'jose';
import type { TestContext } from 'vitest';
import { objectName } from '../../cli/stack-name.ts';
import { keycloakOf } from '../../infra/config/authorization-server.ts';
import { clientsOf } from '../../infra/config/clients.ts';
import type { ServerEndpoints } from '../../infra/endpoints.ts';
import { CodeFlow, type Tokens } from '../support/code-flow.ts';
import { FormBrowser } from '../support/form-browser.ts';
import { outputs } from '../support/outputs.ts';
import { ask } from './ask.ts';
import { FindingError, notLookedAt } from './finding.ts';
import { config, endpoints, looks, realm, stack, status } from './subject.ts';

/** The test user, only in profiles local and preview, and with a realm of ours. */
const user = outputs.testUser as typeof outputs.testUser | undefined;
/** Without drawbridge:auth oauth there is one for everyone, if any. */
const fixed = looks!.token ?? (outputs as { bearerToken?: string }).bearerToken;

export const signsIn = config.auth === 'oauth' && user !== undefined && realm !== undefined && looks!.token === undefined;

let signingIn: Promise<unknown> = Promise.resolve();

/** One after the other: of two sign-ins of one person at the same time Keycloak's protection from guessing refuses one (DefaultBlockingBruteForceProtector). */
export function signIn(server: Pick<ServerEndpoints, 'resource'>, scope: string): ReturnType<typeof signInAlone> {
  const session = signingIn.then(() => signInAlone(server, scope));
  signingIn = session.catch(() => {});
  return session;
}

/** @returns a flow and what it ended in. Its client is one of the config’s: a registration could not be taken back. @throws FindingError */
async function signInAlone(server: Pick<ServerEndpoints, 'resource'>, scope: string): Promise<{ flow: CodeFlow; tokens: Tokens }> {
  const { clientId, redirectUris } = clientsOf(config).at(-1)!;
  const failed = (found: string) => new FindingError({ expected: `a code and tokens for ${clientId}, signed in as ${user!.username}`, found, remedy: `Keycloak’s log says why: docker logs --tail 20 ${objectName(keycloakOf(config.authorizationServer) ?? stack, 'keycloak')}; ${status}` });
  const flow = await CodeFlow.as(clientId, redirectUris[0], ask).catch((error: Error) => Promise.reject(failed(error.message)));
  const { url, exchange } = flow.request(scope, { resource: server.resource });
  const callback = await new FormBrowser(user!, {}, ask).authorize(url.href, flow.redirectUrl).catch((error: Error) => Promise.reject(failed(error.message)));
  const code = callback.get('code');
  if (!code) throw failed(`${callback.get('error')} ${callback.get('error_description') ?? ''}`.trim());
  const answer = await flow.token({ ...exchange, code, resource: server.resource });
  if (!answer.ok) throw failed(`${answer.status} ${await answer.text()}`);
  return { flow, tokens: (await answer.json()) as Tokens };
}

/** The first scope of a server, which every call of it needs. */
export const baseScope = ({ name }: Pick<ServerEndpoints, 'name'>): string => config.servers.find((server) => server.name === name)!.scopes[0]!;

const signedIn = new Map<string, Promise<Tokens>>();

/** What the test user got for a server alone, signed in once. */
export function tokensFor(server: ServerEndpoints): Promise<Tokens> {
  const known = signedIn.get(server.name);
  if (known) return known;
  const tokens = signIn(server, `openid ${baseScope(server)}`).then((session) => session.tokens);
  signedIn.set(server.name, tokens);
  return tokens;
}

/** Why there is none that verify could get by itself. */
function noToken(): string {
  if (config.auth === 'bearer') return 'drawbridge:bearerTokens are known to those who have them';
  if (!realm) return 'the authorization server is none of Drawbridge’s, and has no test user';
  return config.profile === 'production' ? 'profile production has no test user' : 'the outputs have no test user';
}

/** An access token that is meant for a server. Where there is none, the check is not made. */
export async function accessTokenFor(context: TestContext, server: ServerEndpoints): Promise<string> {
  if (config.auth === 'none') notLookedAt(context, 'drawbridge:auth is none: everyone is let in');
  if (signsIn) return (await tokensFor(server).catch(() => notLookedAt(context, 'nobody could sign in, told above'))).access_token;
  if (fixed === undefined) notLookedAt(context, `there is no token: ${noToken()}. Give one with --token-stdin or in DRAWBRIDGE_TOKEN`);
  const meant = audiencesOf(fixed);
  const others = endpoints.servers.filter(({ name }) => name !== server.name).map(({ resource }) => resource);
  if (meant.some((audience) => others.includes(audience)) && !meant.includes(server.resource)) notLookedAt(context, `the token that was given is for ${meant.join(', ')}`);
  return fixed;
}

/** Those of a token that is a JWT. */
export function audiencesOf(token: string): string[] {
  try {
    return [decodeJwt(token).aud ?? []].flat();
  } catch {
    return [];
  }
}
