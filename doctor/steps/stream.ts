import type { Client } from '../clients/client.ts';
import type { Exchange } from '../exchange.ts';
import { modern, parseReplies, repliesOf, request } from '../messages.ts';
import type { Scene } from '../scene.ts';
import type { Call } from './call.ts';
import { ask } from './challenge.ts';

export interface Stream {
  /** The tool that was named, and its call, with progress. */
  readonly tool?: string;
  readonly called?: Exchange;
  /** How many notifications came before its answer. */
  readonly progress: number;
  /** The server's own stream; 405 says that there is none. */
  readonly listened?: Exchange;
  readonly listenSeconds: number;
}

/** Claude waits this long for a tool, in milliseconds. */
const TOOL_PATIENCE = 300_000;
/** Of the call. */
export const CALL_ID = 3;

export async function stream(scene: Scene, client: Client, resource: string, token: string | undefined, before: Call): Promise<Stream> {
  const { tool, exchanges, listenSeconds } = scene;
  const agent = client.agents.calls;
  const authorization = token ? { authorization: `Bearer ${token}` } : undefined;
  const params = tool && { name: tool.name, arguments: tool.arguments };
  const progress = { progressToken: 'doctor' };
  const message = params && (before.modern ? modern(CALL_ID, 'tools/call', client.name, params) : request(CALL_ID, 'tools/call', { ...params, _meta: progress }));
  const asked = message && before.modern ? { ...message, params: { ...message.params, _meta: { ...(message.params!._meta as object), ...progress } } } : message;
  const [called, listened] = await Promise.all([
    asked && exchanges.fresh({ ...ask(resource, agent, asked, token, before.headers), patience: TOOL_PATIENCE, enough: (body) => parseReplies(body, 'text/event-stream').some(({ id, method }) => id === CALL_ID && method === undefined) }),
    before.modern || listenSeconds === 0 ? undefined : exchanges.fresh({ url: resource, headers: { 'user-agent': agent, accept: 'text/event-stream', ...before.headers, ...authorization }, patience: listenSeconds * 1000, enough: (body) => body.length > 0 }),
  ]);
  return { tool: tool?.name, called, progress: called ? repliesOf(called).filter(({ method }) => method === 'notifications/progress').length : 0, listened, listenSeconds };
}
