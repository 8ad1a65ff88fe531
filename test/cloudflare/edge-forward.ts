import { type ClientHttp2Session, constants, type Http2ServerRequest, type Http2ServerResponse, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { edgeErrors, type EdgeError } from './edge-errors.ts';
import { towardsClient } from './edge-headers.ts';

/** A request on its way through a connector. */
export interface Forwarding {
  readonly session: ClientHttp2Session;
  readonly request: Http2ServerRequest;
  readonly response: Http2ServerResponse;
  readonly headers: OutgoingHttpHeaders;
  /** After how long without a byte from the origin it is given up, or cut. */
  readonly idleMs: number;
  /** Answers in the origin's place. */
  readonly refuse: (error: EdgeError) => void;
  /** Told of the answer's head; what it returns, if anything, is told of the whole body. */
  readonly answered: (status: number, headers: IncomingHttpHeaders) => ((body: Buffer) => void) | undefined;
}

/** Streams both ways: no body is ever held back, a slow end slows the other, and an end that is gone ends the other. */
export function forward({ session, request, response, headers, idleMs, refuse, answered }: Forwarding): void {
  // HTTP/1.1 has no stream of its own.
  const bodyless = (request.stream as { endAfterHeaders?: boolean } | undefined)?.endAfterHeaders ?? (request.headers['content-length'] === undefined && request.headers['transfer-encoding'] === undefined);
  const stream = session.request({ ...headers, ':method': request.method, ':path': request.url, ':scheme': 'https' }, { endStream: bodyless });
  const idle = setTimeout(() => {
    giveUp(edgeErrors.timedOut);
    stream.close(constants.NGHTTP2_CANCEL);
  }, idleMs);
  let ended = false;
  const giveUp = (error: EdgeError) => {
    if (ended) return;
    ended = true;
    if (response.headersSent) cut(response);
    else refuse(error);
  };

  if (!bodyless) request.pipe(stream);
  stream.on('response', (head) => {
    if (ended) return;
    idle.refresh();
    if (head['cf-cloudflared-response-meta'] === '{"src":"cloudflared"}') return giveUp(edgeErrors.badGateway);
    const whole = answered(head[':status']!, head);
    const chunks: Buffer[] = [];
    response.writeHead(head[':status']!, towardsClient(head));
    // HTTP/2 sends them at once.
    (response as { flushHeaders?: () => void }).flushHeaders?.();
    stream.on('data', (chunk: Buffer) => {
      idle.refresh();
      if (whole) chunks.push(chunk);
    });
    stream.once('end', () => {
      // A stream that was reset ends as well.
      if (stream.rstCode === constants.NGHTTP2_NO_ERROR) ended = true;
      if (ended) whole?.(Buffer.concat(chunks));
    });
    stream.pipe(response, { end: false });
  });
  stream.on('error', () => {});
  stream.once('close', () => {
    clearTimeout(idle);
    // What is left of a body that nobody wants.
    request.unpipe(stream);
    request.resume();
    if (ended && response.headersSent) response.end();
    else giveUp(edgeErrors.badGateway);
  });
  response.once('close', () => {
    stream.close(constants.NGHTTP2_CANCEL);
    // What has come already is for nobody, and holds the stream open.
    stream.unpipe(response);
    stream.resume();
  });
}

function cut(response: Http2ServerResponse): void {
  const stream = response.stream as Http2ServerResponse['stream'] | undefined;
  if (stream) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else response.destroy();
}
