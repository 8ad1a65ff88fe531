import { setTimeout as sleep } from 'node:timers/promises';
import { parseReplies, type Reply } from '../../doctor/messages.ts';
import { objectName } from '../../cli/stack-name.ts';
import type { ServerConfig } from '../../infra/config.ts';
import { backendHost } from '../../infra/endpoints.ts';
import { call } from './call.ts';
import { FindingError } from './finding.ts';
import { stack, up } from './subject.ts';

/** In milliseconds: until a program has been downloaded and started. */
const FIRST_START = 90_000;
/** JSON-RPC: there is no such method. */
const NO_METHOD = -32601;

/** What a server says to tools/list, all of it, with the patience that a first start takes. @throws FindingError where nothing comes */
export async function firstAnswer(server: ServerConfig, url: string, token: string | undefined): Promise<Response> {
  const signal = AbortSignal.timeout(FIRST_START);
  try {
    for (;;) {
      const answer = await call(url, token, { method: 'tools/list' }, { signal });
      // The head of a stream comes before the server has said anything.
      const whole = new Response((await answer.text()) || null, answer);
      if (!(await mayBeStarting(server, whole))) return whole;
      await sleep(1_000, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    const start = server.backend !== 'builtin' && 'command' in server.backend ? 'A {command} server downloads its package at its first start: look again in a minute. ' : '';
    throw new FindingError({ expected: `an answer within ${FIRST_START / 1000} seconds`, found: 'none', remedy: `${start}${remedyFor(server)}` });
  }
}

/** Whether the gateway, which is less patient, says of what runs in a container of its own that nothing comes from there. */
const mayBeStarting = async ({ backend }: ServerConfig, answer: Response) => backend !== 'builtin' && !('url' in backend) && [503, 504].includes(answer.status) && (await replyIn(answer))?.error !== undefined;

/** The reply in an answer, which may be JSON or a stream. */
export const replyIn = async (answer: Response): Promise<Reply | undefined> => parseReplies(await answer.clone().text(), answer.headers.get('content-type') ?? '').find(({ method }) => method === undefined);

/** Whether a server with prompts or resources says so that it has no tools. */
export const hasNoTools = (reply: Reply | undefined): boolean => reply?.error?.code === NO_METHOD;

/** What to do about a server that does not answer, or not as it must. @param said its own words, or those of the gateway about it */
export function remedyFor({ name, backend }: ServerConfig, said = ''): string {
  if (backend === 'builtin') return `${up} brings realm, front and gateway to what the config says.`;
  if (!('url' in backend)) return `Its log says why: docker logs --tail 20 ${objectName(stack, backendHost(name))}`;
  const { origin } = new URL(backend.url);
  return said.includes('not reachable') ? `Nothing answers at ${origin}, as seen from the gateway: start it, and let it listen on more than 127.0.0.1.` : `The log of the server at ${origin} says why.`;
}
