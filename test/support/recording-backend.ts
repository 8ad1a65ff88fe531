import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { complete, type Era, type Message, refusalOf, usualAnswer } from './backend-answers.ts';

/** A request as it arrived. */
export interface Recorded {
  readonly method: string;
  readonly url: string;
  /** Names and values in turn, as they were on the wire. */
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The body, where it is one JSON-RPC message. */
  readonly message: Message | undefined;
  /** The other side went away before the answer was complete. */
  hungUp: boolean;
}

/** What happens instead of the usual answer. */
export type Behaviour =
  | { kind: 'answer'; result: object }
  | { kind: 'delay'; milliseconds: number }
  /** Progress notifications, then the answer; with `events: Infinity` there never is one. */
  | { kind: 'stream'; events: number; everyMilliseconds?: number }
  | { kind: 'large'; bytes: number }
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: string }
  /** Reads the request and says nothing. */
  | { kind: 'hang' }
  /** Cuts the connection, at once or after one event of a stream. */
  | { kind: 'reset'; midStream?: boolean }
  /** Asks the client something: a request on the stream, or toward 2026-07-28 an `input_required` result. The answer is in the result. */
  | { kind: 'ask'; method: string; params: object };

/** An MCP server on loopback that records every request and answers in one era, or misbehaves as it is told to. */
export class RecordingBackend {
  readonly requests: Recorded[] = [];
  readonly sessions = new Set<string>();
  /** Requests whose id was in use in their session: a real server would cross their answers. */
  collisions = 0;
  /** Asked for each POST. The usual answer follows where it gives nothing. */
  behave: (request: Recorded) => Behaviour | undefined = () => undefined;
  readonly #era: Era;
  readonly #sse: boolean;
  readonly #running = new Set<string>();
  readonly #asked = new Map<unknown, (answer: Message) => void>();
  readonly #listeners = new Set<{ session?: string; subscription?: string | number; res: ServerResponse }>();
  readonly #server: Server;

  /** @param sse answers every request with an event stream, as the SDK's servers do unless told otherwise. */
  constructor(era: Era, { sse = false } = {}) {
    this.#era = era;
    this.#sse = sse;
    this.#server = createServer((req, res) => void this.#serve(req, res).catch((error: Error) => res.destroy(error)));
  }

  async start(port = 0, host = '127.0.0.1'): Promise<this> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    return this;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/mcp`;
  }

  /** The recorded tool calls, or those of one tool. */
  calls(tool?: string): Recorded[] {
    return this.requests.filter(({ message }) => message?.method === 'tools/call' && (tool === undefined || message.params?.name === tool));
  }

  /** Misbehaves on each tool call from now on. */
  onCall(behaviour: Behaviour): void {
    this.behave = ({ message }) => (message?.method === 'tools/call' ? behaviour : undefined);
  }

  /** Sends a message on every open GET stream (of one session), or as 2026-07-28 has it on every subscription. */
  push(message: Message, session?: string): void {
    for (const listener of this.#listeners) {
      if (session !== undefined && listener.session !== session) continue;
      const _meta = { 'io.modelcontextprotocol/subscriptionId': listener.subscription };
      send(listener.res, listener.subscription === undefined ? message : { ...message, params: { ...message.params, _meta } });
    }
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const parsed = parse(body);
    const message = Array.isArray(parsed) ? undefined : parsed;
    const recorded: Recorded = { method: req.method!, url: req.url!, rawHeaders: req.rawHeaders, headers: req.headers, body, message, hungUp: false };
    this.requests.push(recorded);
    res.on('close', () => (recorded.hungUp ||= !res.writableFinished));

    const behaviour = req.method === 'POST' ? this.behave(recorded) : undefined;
    if (behaviour?.kind === 'status') return void res.writeHead(behaviour.status, behaviour.headers).end(behaviour.body);
    if (behaviour?.kind === 'hang') return;
    if (behaviour?.kind === 'reset' && !behaviour.midStream) return void req.socket.resetAndDestroy();

    if (this.#refuses(recorded, res)) return;
    const session = req.headers['mcp-session-id'] as string | undefined;
    if (req.method === 'GET') return this.#listen(res, { session });
    if (req.method === 'DELETE') return void res.writeHead(this.sessions.delete(session!) ? 200 : 404).end();
    if (Array.isArray(parsed))
      return json(
        res,
        200,
        parsed.filter(({ id }) => id !== undefined).map((item) => usualAnswer(this.#era, item)),
      );
    if (!message) return json(res, 400, { error: { code: -32700, message: 'Parse error' } });
    if (message.method === undefined) {
      this.#asked.get(message.id)?.(message);
      return void res.writeHead(202).end();
    }
    if (message.id === undefined) return void res.writeHead(202).end();
    if (message.method === 'subscriptions/listen' && this.#era === 'modern')
      return this.#listen(res, { subscription: message.id }, message.params?.notifications);
    await this.#run(message, session, behaviour, res);
  }

  /** Whether this era does not take the request; then it is answered. */
  #refuses(request: Recorded, res: ServerResponse): boolean {
    const refusal = refusalOf(this.#era, request, this.sessions);
    if (refusal) json(res, refusal.status, { id: request.message?.id ?? null, error: refusal.error });
    return refusal !== undefined;
  }

  #listen(res: ServerResponse, of: { session?: string; subscription?: string | number }, notifications?: unknown): void {
    const listener = { ...of, res };
    this.#listeners.add(listener);
    res.on('close', () => this.#listeners.delete(listener));
    openStream(res);
    if (of.subscription !== undefined)
      send(res, {
        method: 'notifications/subscriptions/acknowledged',
        params: { _meta: { 'io.modelcontextprotocol/subscriptionId': of.subscription }, notifications },
      });
  }

  async #run(message: Message, session: string | undefined, behaviour: Behaviour | undefined, res: ServerResponse): Promise<void> {
    const running = JSON.stringify([session, message.id]);
    if (session !== undefined && this.#running.has(running)) {
      this.collisions += 1;
      return json(res, 400, { id: message.id, error: { code: -32600, message: 'The id of a request that still runs' } });
    }
    this.#running.add(running);
    res.on('close', () => this.#running.delete(running));

    if (message.method === 'initialize' && this.#era === 'stateful') {
      const opened = randomUUID();
      this.sessions.add(opened);
      res.setHeader('Mcp-Session-Id', opened);
    }
    const streams = behaviour?.kind === 'stream' || behaviour?.kind === 'reset' || (behaviour?.kind === 'ask' && this.#era !== 'modern');
    if (this.#sse || streams) openStream(res);
    const answer = await this.#behaved(message, behaviour, res);
    if (res.destroyed) return;
    if (res.headersSent) {
      send(res, answer);
      res.end();
    } else json(res, this.#era === 'modern' && answer.error?.code === -32601 ? 404 : 200, answer);
  }

  async #behaved(message: Message, behaviour: Behaviour | undefined, res: ServerResponse): Promise<Message> {
    switch (behaviour?.kind) {
      case 'answer':
        return { id: message.id!, result: complete(this.#era, behaviour.result) };
      case 'delay':
        await sleep(behaviour.milliseconds);
        break;
      case 'stream':
        for (let progress = 1; progress <= behaviour.events && !res.destroyed; progress += 1) {
          send(res, { method: 'notifications/progress', params: { progressToken: message.params?._meta?.progressToken ?? message.id, progress } });
          await sleep(behaviour.everyMilliseconds ?? 10);
        }
        break;
      case 'large':
        return { id: message.id!, result: complete(this.#era, { content: [{ type: 'text', text: 'x'.repeat(behaviour.bytes) }] }) };
      case 'reset':
        send(res, { method: 'notifications/progress', params: { progressToken: message.id, progress: 1 } });
        // The event has to be on its way before the connection is cut.
        await sleep(20);
        res.socket?.resetAndDestroy();
        break;
      case 'ask':
        return { id: message.id!, result: await this.#ask(message, behaviour, res) };
    }
    return usualAnswer(this.#era, message);
  }

  async #ask({ params }: Message, { method, params: asked }: { method: string; params: object }, res: ServerResponse): Promise<object> {
    const said = (answer: unknown) => complete(this.#era, { content: [{ type: 'text', text: JSON.stringify(answer) }] });
    if (this.#era === 'modern')
      return params?.inputResponses ? said(params.inputResponses.asked) : { resultType: 'input_required', inputRequests: { asked: { method, params: asked } } };
    const id = `asked-${randomUUID()}`;
    const answered = new Promise<Message>((resolve) => this.#asked.set(id, resolve));
    send(res, { id, method, params: { ...asked } });
    const { result, error } = await answered.finally(() => this.#asked.delete(id));
    return said(result ?? error);
  }
}

function parse(body: string): Message | Message[] | undefined {
  try {
    return JSON.parse(body) as Message;
  } catch {
    return undefined;
  }
}

function openStream(res: ServerResponse): void {
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache', 'X-Accel-Buffering': 'no' }).flushHeaders();
}

function send(res: ServerResponse, message: object): void {
  res.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
}

function json(res: ServerResponse, status: number, message: object): void {
  const text = JSON.stringify(Array.isArray(message) ? message.map((item: object) => ({ jsonrpc: '2.0', ...item })) : { jsonrpc: '2.0', ...message });
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }).end(text);
}
