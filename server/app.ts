import { createMcpHandler, isJsonContentType } from '@modelcontextprotocol/server';
import { toNodeHandler } from '@modelcontextprotocol/node';
import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler, type Response } from 'express';
import { authenticate } from './authentication.ts';
import { authorize } from './authorization.ts';
import { annotate, describeError, loggable, logRequests, type Logger } from './logger.ts';
import { messagesOf } from './messages.ts';
import { resourceMetadata, serveDocument } from './metadata.ts';
import { guardOrigins } from './origins.ts';
import type { ServerSettings, Settings } from './settings.ts';
import { createToolServer } from './tools.ts';
import { createKeys, createVerifier } from './verifier.ts';

/** Largest request body, in bytes. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;
const KEEP_ALIVE_MILLISECONDS = 15_000;

/** Everything that is public: each MCP server on its path, and its metadata. */
export interface App {
  readonly handle: Express;
  /** Ends what still runs. */
  close(): Promise<void>;
}

export function createApp(settings: Settings, logger: Logger): App {
  const handle = express();
  handle.disable('x-powered-by').disable('etag');
  // The front's rules for a path must not be got around by writing it differently.
  handle.enable('case sensitive routing');
  handle.use(logRequests(logger));

  const keys = createKeys(settings.jwksUrl);
  const closers = settings.servers.map((server) => {
    handle.all(server.metadataPaths, serveDocument(resourceMetadata(server, settings.issuer)));
    const verify = createVerifier({ keys, issuer: settings.issuer, audience: server.resource });
    const mcp = mcpEndpoint(server, logger);
    // Matches the path with a trailing slash too: a redirect would lose the token and the body.
    handle.all(server.path, nameInLog(server), ...guardOrigins(settings.allowedHosts), authenticate(verify, server), ...readBody, authorize(server), mcp.serve);
    return mcp.close;
  });

  handle.use((_req, res) => void res.status(404).json({ error: 'not_found' }));
  handle.use(answerErrors(logger));
  return { handle, close: async () => void (await Promise.all(closers.map((close) => close()))) };
}

/** The SDK's handler: 2026-07-28 and, with `legacy: 'stateless'`, every Streamable HTTP version before it on the same path. */
function mcpEndpoint(server: ServerSettings, logger: Logger): { serve: RequestHandler; close: () => Promise<void> } {
  const report = (error: Error) => logger.debug({ server: server.name, ...describeError(error) }, 'refused by the protocol');
  const handler = createMcpHandler(createToolServer(server.name), { legacy: 'stateless', keepAliveMs: KEEP_ALIVE_MILLISECONDS, onerror: report });
  const serveNode = toNodeHandler(handler, { onerror: (error) => logger.error({ server: server.name, ...describeError(error) }, 'a request failed') });
  return {
    serve: (req, res) => serveNode(Object.assign(req, { auth: authInfo(req, server) }), res, req.body),
    close: handler.close,
  };
}

/** The caller in the SDK's words, without the token: tools get to know who calls, not what the caller could do elsewhere. */
function authInfo(req: Request, server: ServerSettings) {
  const { clientId, scopes, expiresAt } = req.caller!;
  return { token: '', clientId, scopes: [...scopes], expiresAt, resourceMetadataUrl: server.metadataUrl, extra: { caller: req.caller } };
}

function nameInLog(server: ServerSettings): RequestHandler {
  return (_req, res, next) => {
    annotate(res, { server: server.name });
    next();
  };
}

/**
 * Parses the body once. What was not parsed here goes no further: a second reader with other ideas of what is JSON would
 * run calls that nobody authorized.
 */
const readBody: RequestHandler[] = [
  express.json({ limit: MAX_BODY_BYTES, inflate: false, type: (req) => isJsonContentType(req.headers['content-type'] ?? null) }),
  (req, res, next) => {
    if (req.method === 'POST' && !isJsonContentType(req.headers['content-type'] ?? null)) return protocolError(res, 415, -32000, 'Content-Type must be application/json');
    if (req.method === 'POST' && req.body === undefined) return protocolError(res, 400, -32700, 'The body is empty');
    const messages = messagesOf(req.body);
    if (messages.length === 1) annotate(res, { mcpMethod: loggable(messages[0]!.method), tool: loggable(messages[0]!.tool) });
    else if (messages.length > 1) annotate(res, { batch: messages.length });
    next();
  },
];

/** Errors of the body parser, which know their status, and those that nobody expected. */
function answerErrors(logger: Logger): ErrorRequestHandler {
  return (error: unknown, _req, res, next) => {
    if (res.headersSent) return next(error);
    const status = error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : 500;
    if (status === 413) return protocolError(res.set('Connection', 'close'), 413, -32000, `The body is larger than ${MAX_BODY_BYTES} bytes`);
    if (status < 500) return protocolError(res, status, -32700, 'The body could not be read as JSON');
    logger.error(describeError(error), 'a request failed');
    protocolError(res, 500, -32603, 'Internal error');
  };
}

function protocolError(res: Response, status: number, code: number, message: string): void {
  res.status(status).json({ jsonrpc: '2.0', error: { code, message }, id: null });
}
