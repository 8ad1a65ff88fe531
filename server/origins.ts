import { hostHeaderValidation, originValidation } from '@modelcontextprotocol/express';
import type { RequestHandler } from 'express';

/**
 * Guards an MCP path against web pages of other hosts: a foreign or unreadable `Origin`, or a foreign `Host` (DNS
 * rebinding), gets 403 (MCP transports, security warning). Requests without an `Origin` come from no browser and pass.
 * @param hosts names without ports.
 */
export function guardOrigins(hosts: string[]): RequestHandler[] {
  return [hostHeaderValidation(hosts), originValidation(hosts), answerBrowsers];
}

/** CORS for the origins that passed: the same host on another port, as where an inspector runs next to a local stack. */
const answerBrowsers: RequestHandler = (req, res, next) => {
  if (req.headers.origin)
    res.vary('Origin').set({
      'Access-Control-Allow-Origin': req.headers.origin,
      'Access-Control-Expose-Headers': 'WWW-Authenticate, MCP-Protocol-Version, Mcp-Session-Id',
    });
  // A preflight carries no token, and must not need one.
  if (req.method !== 'OPTIONS') return next();
  if (req.headers.origin)
    res.set({
      'Access-Control-Allow-Methods': 'POST, GET, DELETE',
      'Access-Control-Allow-Headers': req.get('Access-Control-Request-Headers') ?? '',
      'Access-Control-Max-Age': '600',
    });
  res.set('Allow', 'POST, OPTIONS').status(204).end();
};
