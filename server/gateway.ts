import type { IncomingMessage, ServerResponse } from 'node:http';
import { Conversation } from './conversation.ts';
import { Gate } from './gate.ts';
import { createIdentity, identityJwks, identityKey } from './identity.ts';
import { Journal } from './journal.ts';
import { Limits, type SharedLimits } from './limits.ts';
import type { Lines, Logger } from './logger.ts';
import { resourceMetadata, serveDocument } from './metadata.ts';
import { Metrics, type Snapshot } from './metrics.ts';
import { createOriginGuard } from './origins.ts';
import { Backend } from './relay/backend.ts';
import { IdMask } from './relay/ids.ts';
import { InFlight } from './relay/in-flight.ts';
import { Streams } from './relay/streams.ts';
import { cachedSessions } from './sessions/cached.ts';
import type { Sessions } from './sessions/session.ts';
import type { Settings } from './settings.ts';
import { createTokens } from './tokens/index.ts';

/** How often sessions with an open stream are kept from ending as idle, in milliseconds. */
const TOUCH_MILLISECONDS = 60_000;

/** What all workers of a process have in common. */
export interface Common {
  readonly sessions: Sessions;
  readonly limits: SharedLimits;
  /** Unknown outside the process. */
  readonly maskSecret: string;
  /** Number of this worker. */
  readonly worker: number;
}

/** What is logged, and where the lines go. */
export interface Log {
  readonly logger: Logger;
  readonly lines: Lines;
}

/** Everything that is public: each MCP server on its path, and its metadata. */
export interface Gateway {
  readonly handle: (req: IncomingMessage, res: ServerResponse) => void;
  readonly journal: Journal;
  /** The metrics as they are now. */
  snapshot(): Promise<Snapshot>;
  /** Why no token can be checked at the moment; nothing when all is well. */
  problem(): string | undefined;
  /** Ends streams in which nothing is asked: their clients open them again, elsewhere. */
  endListening(): void;
  /** Ends what still runs. */
  close(): Promise<void>;
}

/** @throws DiscoveryError when the authorization server cannot be used as it is configured */
export async function createGateway(settings: Settings, common: Common, { logger, lines }: Log): Promise<Gateway> {
  // What is said at the start need not be said by every worker.
  const tokens = await createTokens(settings.auth, settings.servers, common.worker === 0 ? logger : logger.child({}, { level: 'error' }));
  const streams = new Streams();
  const inFlight = new InFlight();
  const shared = { sessions: cachedSessions(common.sessions), mask: new IdMask(common.maskSecret, common.worker), streams, inFlight };
  const touch = setInterval(() => common.sessions.touch(streams.sessions), TOUCH_MILLISECONDS).unref();
  const limits = new Limits(settings.limits, common.limits);
  const metrics = new Metrics(() => streams.size);
  const journal = new Journal(logger, lines, metrics);
  const key = settings.identityKey === undefined ? undefined : identityKey(settings.identityKey);
  const mayComeFrom = createOriginGuard(settings.allowedHosts);
  const issuer = 'issuer' in settings.auth ? settings.auth.issuer : undefined;

  const backends: Backend[] = [];
  const documents = new Map<string, ReturnType<typeof serveDocument>>();
  const gates = new Map<string, Gate>();
  for (const server of settings.servers) {
    const backend = new Backend(server.backend);
    backends.push(backend);
    const conversation = new Conversation(server.name, backend, shared);
    const gate = new Gate(server, { tokens, limits, bodyBytes: settings.limits.bodyBytes, mayComeFrom, identity: createIdentity(server, key), conversation, logger });
    // The path with a trailing slash too: a redirect would lose the token and the body.
    gates.set(server.path, gate).set(`${server.path}/`, gate);
    if (issuer !== undefined) for (const path of server.metadataPaths) documents.set(path, serveDocument(resourceMetadata(server, issuer)));
  }
  if (key !== undefined && settings.identityJwksPath !== undefined) documents.set(settings.identityJwksPath, serveDocument(identityJwks(key)));

  return {
    handle(req, res) {
      if (res.socket === null) watchEnd(req, res);
      // Authorization codes and tokens of others travel in query strings.
      const path = req.url!.split('?', 1)[0]!;
      const annotations = journal.follow(req, res, path);
      const gate = gates.get(path);
      if (gate) return void gate.serve(req, res, annotations);
      const document = documents.get(path);
      if (document) return document(req, res);
      res.writeHead(404, { 'Content-Type': 'application/json' }).end('{"error":"not_found"}');
    },
    journal,
    snapshot() {
      journal.write();
      return metrics.snapshot();
    },
    problem: () => tokens.problem(),
    endListening: () => streams.endListening(),
    async close() {
      tokens.close();
      clearInterval(touch);
      streams.close();
      inFlight.close();
      journal.close();
      await Promise.all(backends.map((backend) => backend.close()));
    },
  };
}

/** Node says nothing of the end to a response that waits for its turn on a connection (pipelining, RFC 9112 §9.3.2). */
function watchEnd({ socket }: IncomingMessage, res: ServerResponse): void {
  const end = () => res.destroy().emit('close');
  socket.once('close', end);
  res.once('close', () => socket.off('close', end));
}
