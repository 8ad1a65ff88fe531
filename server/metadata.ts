import type { IncomingMessage, ServerResponse } from 'node:http';
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
export function serveDocument(document: object): (req: IncomingMessage, res: ServerResponse) => void {
  const text = JSON.stringify(document);
  // Clients send MCP-Protocol-Version along, so that browsers ask first.
  const cors = { 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Methods': 'GET', 'Access-Control-Allow-Headers': '*' };
  return (req, res) => {
    if (req.method === 'GET' || req.method === 'HEAD') res.writeHead(200, { ...cors, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }).end(text);
    else res.writeHead(req.method === 'OPTIONS' ? 204 : 405, { ...cors, Allow: 'GET, HEAD, OPTIONS' }).end();
  };
}
