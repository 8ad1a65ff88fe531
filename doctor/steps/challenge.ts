import type { Client } from '../clients/client.ts';
import type { Exchange } from '../exchange.ts';
import { initialize, isModern, type Message, modernHeaders, replyTo } from '../messages.ts';
import { PLAIN_AGENT, postJson, type Scene } from '../scene.ts';

/** What a first request without a token meets. */
export interface Challenge {
  /** By the agent of the client's discovery. */
  readonly opening: Exchange;
  /** The same by the agent of its calls, and the like by one that nobody knows. */
  readonly asCaller: Exchange;
  readonly asAnyone: Exchange;
  /** Parameters of `WWW-Authenticate: Bearer` (RFC 6750 §3). */
  readonly bearer?: Readonly<Record<string, string>>;
  /** The server lets in whoever asks. */
  readonly open: boolean;
  /** With a slash more or less, asked where there is nothing. */
  readonly besides?: Exchange;
  /** The stream of the older transport, asked for where a POST is not understood. */
  readonly stream?: Exchange;
}

export async function challenge(scene: Scene, client: Client, resource: string): Promise<Challenge> {
  const unknown = scene.exchanges.make(ask(resource, PLAIN_AGENT, initialize('drawbridge-doctor', '1')));
  const { message, exchange: opening } = await open(scene, client, resource, client.agents.discovery);
  const [asCaller, asAnyone] = await Promise.all([scene.exchanges.make(ask(resource, client.agents.calls, message)), unknown]);
  const status = opening.answer?.status ?? 0;
  const lost = [400, 404, 405, 406, 415].includes(status);
  const isOpen = replyTo(message.id, opening)?.result !== undefined;
  return {
    opening,
    asCaller,
    asAnyone,
    bearer: bearerOf(opening),
    open: isOpen,
    besides: status === 404 ? await scene.exchanges.make(ask(resource.endsWith('/') ? resource.slice(0, -1) : `${resource}/`, client.agents.discovery, message)) : undefined,
    stream: lost && !isOpen ? await scene.exchanges.make({ url: resource, headers: { 'user-agent': PLAIN_AGENT, accept: 'text/event-stream' }, patience: 4_000, enough: (body) => body.includes('endpoint') }) : undefined,
  };
}

/** A client's first message, or the next where the server does not know the one before. */
export async function open(scene: Scene, client: Client, resource: string, agent: string, token?: string): Promise<{ message: Message; exchange: Exchange }> {
  let last: { message: Message; exchange: Exchange } | undefined;
  for (const message of client.openings) {
    last = { message, exchange: await scene.exchanges.make(ask(resource, agent, message, token)) };
    const status = last.exchange.answer?.status ?? 0;
    // Refused for want of a token, or answered: an older server says 400 or 404 to what it does not know, or an error in JSON-RPC.
    if (status === 401 || status === 403 || replyTo(message.id, last.exchange)?.result) break;
  }
  return last!;
}

export function ask(resource: string, agent: string, message: Message, token?: string, extra: Readonly<Record<string, string>> = {}) {
  return postJson(resource, agent, message, { ...(isModern(message) && modernHeaders(message)), ...(token && { authorization: `Bearer ${token}` }), ...extra });
}

/** RFC 9110 §11.6.1: parameters are tokens or quoted strings. */
function bearerOf({ answer }: Exchange): Record<string, string> | undefined {
  const header = answer?.headers['www-authenticate'];
  const parameters = /(?:^|,\s*)Bearer\b(.*)$/is.exec(header ?? '')?.[1];
  if (parameters === undefined) return undefined;
  return Object.fromEntries([...parameters.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g)].map(([, name, quoted, token]) => [name!.toLowerCase(), (quoted ?? token)!.replace(/\\(.)/g, '$1')]));
}
