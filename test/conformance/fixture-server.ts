import { randomUUID } from 'node:crypto';
import { localhostHostValidation } from '@modelcontextprotocol/express';
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node';
import {
  classifyInboundRequest,
  createMcpHandler,
  createRequestStateCodec,
  type EventStore,
  isInitializeRequest,
  type JSONRPCMessage,
  McpServer,
} from '@modelcontextprotocol/server';
import express, { type Request, type Response } from 'express';
import { addPrompts, addResources } from './fixture-content.ts';
import { addTools } from './fixture-tools.ts';

// The tools, resources and prompts that the conformance suite asks for by name, on the SDK's server, in both eras:
// 2026-07-28 without sessions, and before it with sessions, server requests and resumable streams. Run with a PORT.

const states = createRequestStateCodec<Record<string, unknown>>({ key: crypto.getRandomValues(new Uint8Array(32)) });
const sessions = new Map<string, NodeStreamableHTTPServerTransport>();

function createServer(): McpServer {
  const server = new McpServer(
    { name: 'conformance-fixture', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        prompts: { listChanged: true },
        logging: {},
        completions: {},
      },
      requestState: { verify: states.verify },
    },
  );
  addTools(server, { states, notify: modern.notify, cutStream: (session, request) => sessions.get(session)?.closeSSEStream(request) });
  addResources(server);
  addPrompts(server);
  return server;
}

const modern = createMcpHandler(createServer);
const serveModern = toNodeHandler(modern);

/** Keeps every event of a session's streams, so that a client can go on where a stream was cut. */
class Events implements EventStore {
  readonly #events: { stream: string; id: string; message: JSONRPCMessage }[] = [];

  storeEvent(stream: string, message: JSONRPCMessage): Promise<string> {
    const id = String(this.#events.length);
    this.#events.push({ stream, id, message });
    return Promise.resolve(id);
  }

  async replayEventsAfter(last: string, { send }: { send: (id: string, message: JSONRPCMessage) => Promise<void> }): Promise<string> {
    const { stream } = this.#events[Number(last)]!;
    // The first event of a stream only primes the client with an id; it holds no message.
    for (const event of this.#events.slice(Number(last) + 1)) if (event.stream === stream && 'jsonrpc' in event.message) await send(event.id, event.message);
    return stream;
  }
}

async function serveLegacy(req: Request, res: Response): Promise<void> {
  const id = req.headers['mcp-session-id'] as string | undefined;
  if (id === undefined && isInitializeRequest(req.body)) {
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: new Events(),
      retryInterval: 500,
      onsessioninitialized: (opened) => void sessions.set(opened, transport),
      onsessionclosed: (closed) => void sessions.delete(closed!),
    });
    await createServer().connect(transport);
    return transport.handleRequest(req, res, req.body);
  }
  const session = sessions.get(id ?? '');
  if (session) return session.handleRequest(req, res, req.body);
  const [status, code, message] = id === undefined ? [400, -32000, 'Bad Request: no session'] : [404, -32001, 'Session not found'];
  res.status(status).json({ jsonrpc: '2.0', error: { code, message }, id: null });
}

const app = express();
app.use(localhostHostValidation(), express.json());
app.all('/mcp', async (req, res) => {
  const header = (name: string) => req.headers[name] as string | undefined;
  const { kind } = classifyInboundRequest({
    httpMethod: req.method,
    protocolVersionHeader: header('mcp-protocol-version'),
    mcpMethodHeader: header('mcp-method'),
    body: req.body,
  });
  await (kind === 'legacy' ? serveLegacy(req, res) : serveModern(req, res, req.body));
});
app.listen(Number(process.env.PORT), '127.0.0.1');
