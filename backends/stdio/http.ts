import { createServer, type IncomingMessage, type Server } from 'node:http';
import { codes, failure, isMessage, isNotification, isObject, isRequest, isResponse, parse, type Id, type Message, type Request } from './messages.ts';
import type { Pool } from './pool.ts';
import { Refusal } from './refusal.ts';
import { Reply } from './reply.ts';
import { Sessions, type Session } from './sessions.ts';
import { isModern, legacyVersions } from './versions.ts';

/** Largest request body, in bytes. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
const SESSION = 'mcp-session-id';

/** Serves Streamable HTTP of every version at `/mcp`. Only the gateway can reach it: it checks callers, hosts and origins. */
export function createHttpServer(pool: Pool): Server {
  const sessions = new Sessions();
  const server = createServer((req, res) => {
    const path = req.url?.split('?')[0];
    if (path === '/health') return void res.writeHead(200).end('ok\n');
    if (path !== '/mcp') return void res.writeHead(404).end();
    const modern = isModern(header(req, 'mcp-protocol-version'));
    const reply = new Reply(res, modern ? modernStatus : undefined);
    serve({ pool, sessions, req, reply, modern }).catch((error: unknown) => refuse(reply, error));
  });
  // Longer than the gateway keeps idle connections, or it would reuse one that is just being closed here.
  server.keepAliveTimeout = 75_000;
  return server;
}

interface Exchange {
  readonly pool: Pool;
  readonly sessions: Sessions;
  readonly req: IncomingMessage;
  readonly reply: Reply;
  readonly modern: boolean;
}

async function serve(exchange: Exchange): Promise<void> {
  const { req, reply, modern } = exchange;
  const subject = subjectOf(req);
  if (req.method === 'POST') {
    const message = parseBody(await readBody(req));
    return serveMessage(exchange, subject, message).catch((error: unknown) => refuse(reply, error, message.id));
  }
  if (modern || (req.method !== 'GET' && req.method !== 'DELETE')) return reply.finish(405, { Allow: modern ? 'POST' : 'POST, GET, DELETE' });
  const session = sessionOf(exchange, subject);
  if (req.method === 'GET') return openStream(session, reply);
  exchange.sessions.close(session);
  reply.finish(204);
}

async function serveMessage(exchange: Exchange, subject: string, message: Message): Promise<void> {
  if (exchange.modern) return serveModern(exchange, subject, message);
  if (isRequest(message) && message.method === 'initialize') return initialize(exchange, subject, message);
  return serveLegacy(exchange, sessionOf(exchange, subject), message);
}

async function serveModern({ pool, reply, req }: Exchange, subject: string, message: Message): Promise<void> {
  if (isRequest(message)) {
    if (await pool.eras.isModern(subject)) return pool.worker(subject, 'modern').request(message, reply, { subject });
    const data = { supported: legacyVersions, requested: header(req, 'mcp-protocol-version') };
    return reply.refuse(400, failure(message.id, codes.unsupportedVersion, 'Unsupported protocol version', data));
  }
  if (isNotification(message)) pool.worker(subject, 'modern').notify(message);
  reply.finish(202);
}

async function initialize({ pool, sessions, reply }: Exchange, subject: string, request: Request): Promise<void> {
  const worker = pool.worker(subject, 'legacy');
  const answer = await worker.initialize(request.params);
  if (!reply.open) return;
  const { capabilities } = request.params ?? {};
  if (!answer.error) reply.setHeader('Mcp-Session-Id', sessions.open(subject, worker, isObject(capabilities) ? capabilities : {}).id);
  reply.end({ ...answer, id: request.id });
}

async function serveLegacy({ reply }: Exchange, session: Session, message: Message): Promise<void> {
  if (isRequest(message)) return session.worker.request(message, reply, { subject: session.subject, session });
  if (isNotification(message)) session.worker.notify(message, session);
  else if (isResponse(message)) session.worker.answer(message, session);
  reply.finish(202);
}

function openStream(session: Session, reply: Reply): void {
  // A second stream would be told nothing, or everything twice.
  if (session.stream?.open) throw new Refusal(409, 'The session has a stream already');
  session.stream = reply;
  reply.onGone(() => session.worker.abandon(reply));
  reply.begin();
}

function sessionOf({ sessions, req }: Exchange, subject: string): Session {
  const id = header(req, SESSION);
  if (id === undefined) throw new Refusal(400, 'Mcp-Session-Id is missing');
  const session = sessions.use(id, subject);
  if (session === undefined) throw new Refusal(404, 'The session does not exist');
  return session;
}

/** The gateway says who calls, percent-encoded. */
function subjectOf(req: IncomingMessage): string {
  try {
    const subject = decodeURIComponent(header(req, 'drawbridge-subject') ?? '');
    if (subject !== '') return subject;
  } catch {
    // Refused below.
  }
  throw new Refusal(400, 'Drawbridge-Subject is missing or malformed');
}

async function readBody(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw new Refusal(413, `The body is larger than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseBody(text: string): Message {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new Refusal(400, error instanceof RangeError ? `The body is ${error.message}` : 'The body is no JSON');
  }
  // The gateway sends the messages of a batch one by one.
  if (!isMessage(value)) throw new Refusal(400, 'The body is no single JSON-RPC message');
  return value;
}

function refuse(reply: Reply, error: unknown, id: Id | null = null): void {
  // A client that hangs up in the middle of its request is an error of the stream.
  if (!reply.open) return;
  if (!(error instanceof Refusal)) console.error(error);
  const { status, message, retryAfterSeconds } = error instanceof Refusal ? error : new Refusal(500, 'Internal error');
  const code = status < 500 ? codes.invalid : codes.internal;
  const headers = { ...(retryAfterSeconds !== undefined && { 'Retry-After': String(retryAfterSeconds) }), ...(status === 413 && { Connection: 'close' }) };
  reply.refuse(status, failure(id, code, message), headers);
}

/** The HTTP status of an answer in 2026-07-28 (Streamable HTTP and schema). */
function modernStatus({ error }: Message): number {
  switch (error?.code) {
    case codes.methodNotFound:
      return 404;
    case -32020:
    case -32021:
    case codes.unsupportedVersion:
      return 400;
    default:
      return 200;
  }
}

function header(req: IncomingMessage, name: string): string | undefined {
  const value = req.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

