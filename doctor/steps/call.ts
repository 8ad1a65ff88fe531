import type { Client } from '../clients/client.ts';
import type { Exchange } from '../exchange.ts';
import { isModern, type Message, modern, notification, replyTo, request } from '../messages.ts';
import type { Scene } from '../scene.ts';
import { ask, open } from './challenge.ts';

/** A conversation with a token, or without one where the server is open. */
export interface Call {
  readonly opening: Exchange;
  /** The protocol version that both agreed on. */
  readonly version?: string;
  /** What `initialize` was answered with in place of one, as JSON. */
  readonly oddVersion?: string;
  /** Of `tools/list`; without it the opening was refused. */
  readonly tools?: Exchange;
  readonly listed?: boolean;
  /** What each further request carries. */
  readonly headers: Readonly<Record<string, string>>;
  readonly modern: boolean;
}

export async function call(scene: Scene, client: Client, resource: string, token: string | undefined): Promise<Call> {
  const agent = client.agents.calls;
  const { message, exchange: opening } = await open(scene, client, resource, agent, token);
  const result = replyTo(message.id, opening)?.result;
  if (!result) return { opening, headers: {}, modern: false };
  if (isModern(message)) return { ...(await tools(scene, resource, agent, modern(2, 'tools/list', client.name), token, {})), opening, version: '2026-07-28', headers: {}, modern: true };
  const { protocolVersion: named } = result;
  const version = typeof named === 'string' && /^\d{4}-\d\d-\d\d$/.test(named) ? named : undefined;
  const oddVersion = version === undefined ? (JSON.stringify(named) ?? 'nothing') : undefined;
  const session = opening.answer?.headers['mcp-session-id'];
  const headers = { ...(version && { 'mcp-protocol-version': version }), ...(session && { 'mcp-session-id': session }) };
  await scene.exchanges.make(ask(resource, agent, notification('notifications/initialized'), token, headers));
  return { ...(await tools(scene, resource, agent, request(2, 'tools/list'), token, headers)), opening, version, oddVersion, headers, modern: false };
}

async function tools(scene: Scene, resource: string, agent: string, message: Message, token: string | undefined, headers: Record<string, string>) {
  const exchange = await scene.exchanges.make(ask(resource, agent, message, token, headers));
  const reply = replyTo(message.id, exchange);
  // A server without tools says so with -32601.
  return { tools: exchange, listed: reply?.result !== undefined || reply?.error?.code === -32601 };
}

/** Ends the session that was opened, where there is one (MCP transports, session management). */
export async function hangUp({ exchanges }: Scene, client: Client, resource: string, token: string | undefined, { headers }: Call): Promise<void> {
  if (!('mcp-session-id' in headers)) return;
  await exchanges.fresh({ method: 'DELETE', url: resource, headers: { 'user-agent': client.agents.calls, ...headers, ...(token && { authorization: `Bearer ${token}` }) } });
}
