import type { RequestHandler } from 'express';
import type { ServerSettings } from './settings.ts';

/** Protected resource metadata (RFC 9728 §2). `offline_access` has no place in it: it is no scope of the resource. */
export function resourceMetadata(server: ServerSettings, issuer: string) {
  return {
    resource: server.resource,
    authorization_servers: [issuer],
    scopes_supported: server.scopes,
    bearer_methods_supported: ['header'],
    resource_name: server.name,
  };
}

/** Serves a public document to pages of any origin: a client in a browser reads it before it has a token. */
export function serveDocument(document: object): RequestHandler {
  return (req, res) => {
    // Clients send MCP-Protocol-Version along, so that browsers ask first.
    res.set({ 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Methods': 'GET', 'Access-Control-Allow-Headers': '*' });
    if (req.method === 'GET' || req.method === 'HEAD') res.json(document);
    else res.set('Allow', 'GET, HEAD, OPTIONS').sendStatus(req.method === 'OPTIONS' ? 204 : 405);
  };
}
