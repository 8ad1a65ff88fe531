import type { RequestHandler } from 'express';
import { refuse } from './challenge.ts';
import { messagesOf } from './messages.ts';
import type { ServerSettings } from './settings.ts';

/** Lets a request pass only when the caller's scopes cover every message in its body. */
export function authorize(server: ServerSettings): RequestHandler {
  return (req, res, next) => {
    const needed = neededScopes(server, req.body);
    if (needed.every((scope) => req.caller?.scopes.includes(scope))) return next();
    refuse(res, { kind: 'insufficient-scope', scopes: needed }, server);
  };
}

/**
 * The scopes that a body needs: the base scope, and one for each tool it calls that has its own. Read from the parsed
 * body that is also what gets executed, never from `Mcp-Name`, which a caller may set to anything.
 */
export function neededScopes(server: Pick<ServerSettings, 'scopes' | 'tools'>, body: unknown): string[] {
  const tools = messagesOf(body).flatMap(({ tool }) => (tool !== undefined && Object.hasOwn(server.tools, tool) ? [server.tools[tool]!] : []));
  return [...new Set([server.scopes[0]!, ...tools])];
}
