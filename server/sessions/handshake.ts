import manifest from '../../package.json' with { type: 'json' };
import { isObject } from '../json-rpc.ts';
import { ask, type Reply } from '../relay/ask.ts';
import { describeFailure, type Backend } from '../relay/backend.ts';
import { LEGACY, META, MODERN } from '../versions.ts';
import { type BackendHeaders, type Session, SessionError } from './session.ts';

/** How the gateway calls itself where it speaks for itself. */
export const gatewayInformation = { name: 'drawbridge', version: manifest.version };

type Begun = Pick<Session, 'era' | 'backendId' | 'protocolVersion' | 'result'>;

/** Begins a session at a backend with a client's own `initialize`, in whichever era the backend speaks. @throws SessionError */
export async function begin(server: string, backend: Backend, params: Readonly<Record<string, unknown>>, headers: BackendHeaders): Promise<Begun> {
  const reply = await reach(server, () => ask(backend, 'POST', { jsonrpc: '2.0', id: 'initialize', method: 'initialize', params }, headers));
  const { result, error } = reply.message ?? {};
  if (isObject(result)) {
    const backendId = typeof reply.headers['mcp-session-id'] === 'string' ? reply.headers['mcp-session-id'] : undefined;
    const protocolVersion = typeof result.protocolVersion === 'string' ? result.protocolVersion : LEGACY[0]!;
    const session = { 'mcp-protocol-version': protocolVersion, ...(backendId !== undefined && { 'mcp-session-id': backendId }) };
    await reach(server, () => ask(backend, 'POST', { jsonrpc: '2.0', method: 'notifications/initialized' }, { ...headers, ...session }));
    return { era: 'legacy', backendId, protocolVersion, result };
  }
  refuseFailure(server, reply);
  const discovered = await discover(server, backend, headers);
  if (discovered !== undefined) return bridged(discovered, params);
  if (isObject(error)) throw new SessionError(200, Number(error.code) || -32603, String(error.message), error.data);
  throw new SessionError(502, -32603, `The server ${server} answers initialize with HTTP ${reply.status}`);
}

/** What a backend of 2026-07-28 says of itself; undefined when it speaks earlier versions only. @throws SessionError */
export async function discover(server: string, backend: Backend, headers: BackendHeaders): Promise<Record<string, unknown> | undefined> {
  const meta = { [META.version]: MODERN, [META.client]: gatewayInformation, [META.capabilities]: {} };
  const message = { jsonrpc: '2.0', id: 'discover', method: 'server/discover', params: { _meta: meta } };
  const reply = await reach(server, () => ask(backend, 'POST', message, { ...headers, 'mcp-protocol-version': MODERN, 'mcp-method': message.method }));
  refuseFailure(server, reply);
  const result = reply.message?.result;
  return isObject(result) && Array.isArray(result.supportedVersions) && result.supportedVersions.includes(MODERN) ? result : undefined;
}

/** An answer to `initialize` made from one to `server/discover`, without what only a stateful server can do. */
function bridged(discovered: Record<string, unknown>, params: Readonly<Record<string, unknown>>): Begun {
  const offered = params.protocolVersion;
  const protocolVersion = typeof offered === 'string' && LEGACY.includes(offered) ? offered : LEGACY[0]!;
  const meta = isObject(discovered._meta) ? discovered._meta : {};
  return {
    era: 'modern',
    backendId: undefined,
    protocolVersion,
    result: {
      protocolVersion,
      capabilities: withoutPush(discovered.capabilities),
      serverInfo: meta[META.server] ?? { name: 'server', version: '0' },
      ...(typeof discovered.instructions === 'string' && { instructions: discovered.instructions }),
    },
  };
}

/** An answer to `server/discover` made from one to `initialize`. */
export function discoverResult({ capabilities, serverInfo, instructions }: Readonly<Record<string, unknown>>): object {
  return {
    resultType: 'complete',
    supportedVersions: [MODERN],
    capabilities: withoutPush(capabilities),
    ...(typeof instructions === 'string' && { instructions }),
    ttlMs: 0,
    cacheScope: 'private',
    _meta: { [META.server]: serverInfo },
  };
}

/** Capabilities without what needs a way from the server to the client that one of the two eras does not have. */
function withoutPush(capabilities: unknown): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(isObject(capabilities) ? capabilities : {})) {
    if (name === 'logging' || name === 'tasks') continue;
    const { listChanged: _changed, subscribe: _subscribe, ...rest } = isObject(value) ? value : {};
    kept[name] = rest;
  }
  return kept;
}

/** A backend that cannot answer now says nothing about its era. What it says of the reason is passed on. */
function refuseFailure(server: string, { status, message }: Reply): void {
  if (status === 401 || status === 403) throw new SessionError(502, -32603, `The server ${server} refuses the gateway (HTTP ${status})`);
  if (status < 500 && status !== 429) return;
  const said = isObject(message?.error) && typeof message.error.message === 'string' ? message.error.message : `answers with HTTP ${status}`;
  throw new SessionError(503, -32603, `The server ${server}: ${said}`);
}

async function reach(server: string, work: () => Promise<Reply>): Promise<Reply> {
  try {
    return await work();
  } catch (error) {
    const { status, message } = describeFailure(error as Error);
    throw new SessionError(status, -32603, `The server ${server} ${message}`);
  }
}
