import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMcpHandler } from '@modelcontextprotocol/server';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { callerOf, type Caller } from './caller.ts';
import { createToolServer } from './tools.ts';

const KEEP_ALIVE_MILLISECONDS = 15_000;
/** How long requests may go on once the server is asked to stop. */
const GRACE_MILLISECONDS = 500;

export interface Listening {
  readonly port: number;
  stop(): Promise<void>;
}

/** Serves the demonstration server at `/mcp` until stopped. Bounds and checks of requests are the gateway's work. */
export async function listen(port: number): Promise<Listening> {
  const report = (error: Error) => console.error(`a request failed: ${error.stack}`);
  // 2026-07-28 and, with `legacy: 'stateless'`, every Streamable HTTP version before it.
  const handler = createMcpHandler(createToolServer('drawbridge'), { legacy: 'stateless', keepAliveMs: KEEP_ALIVE_MILLISECONDS });
  const serveMcp = toNodeHandler(handler, { onerror: report });

  const server = createServer((req, res) => {
    const path = req.url?.split('?')[0];
    if (path === '/health') return answer(res, 200, { status: 'ok' });
    if (path !== '/mcp') return answer(res, 404, { error: 'not_found' });
    const caller = callerOf(req.headers);
    if (caller === undefined) return answer(res, 400, { error: 'The identity headers are missing or malformed' });
    void serveMcp(withCaller(req, caller), res);
  });
  // Longer than the gateway keeps idle connections, or it would reuse one that is just being closed here.
  server.keepAliveTimeout = 75_000;
  server.listen(port);
  await once(server, 'listening');

  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      const cut = setTimeout(() => void handler.close().finally(() => server.closeAllConnections()), GRACE_MILLISECONDS);
      await closed;
      clearTimeout(cut);
    },
  };
}

/** The caller in the SDK's words, which has no place of its own for one whose token was checked elsewhere. */
function withCaller(req: IncomingMessage, caller: Caller) {
  const { clientId, scopes, expiresAt } = caller;
  return Object.assign(req, { auth: { token: '', clientId, scopes: [...scopes], expiresAt, extra: { caller } } });
}

function answer(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}
