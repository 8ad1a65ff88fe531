import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Whether a request may come from where it says: a foreign or unreadable `Origin`, or a foreign `Host` (DNS rebinding), may
 * not (MCP transports, security warning). Requests without an `Origin` come from no browser and may.
 * @param hosts names without ports
 */
export function createOriginGuard(hosts: readonly string[]): (req: IncomingMessage) => boolean {
  const allowed = (authority: string | undefined) => authority !== undefined && hosts.includes(authority.replace(/:\d+$/, '').toLowerCase());
  return ({ headers: { host, origin } }) => allowed(host) && (origin === undefined || (URL.canParse(origin) && allowed(new URL(origin).hostname)));
}

/** CORS for an origin that passed: the same host on another port, as where an inspector runs next to a local stack. */
export function allowOrigin(req: IncomingMessage, res: ServerResponse): void {
  if (req.headers.origin === undefined) return;
  res.setHeader('Vary', 'Origin');
  res.setHeader('Access-Control-Allow-Origin', req.headers.origin);
  res.setHeader('Access-Control-Expose-Headers', 'WWW-Authenticate, MCP-Protocol-Version, Mcp-Session-Id, Retry-After');
}

/** Answers a preflight, which carries no token and must not need one. */
export function answerPreflight(req: IncomingMessage, res: ServerResponse): void {
  if (req.headers.origin !== undefined) {
    res.setHeader('Access-Control-Allow-Methods', 'POST, GET, DELETE');
    res.setHeader('Access-Control-Allow-Headers', req.headers['access-control-request-headers'] ?? '');
    res.setHeader('Access-Control-Max-Age', '600');
  }
  res.writeHead(204, { Allow: 'POST, GET, DELETE, OPTIONS' }).end();
}
