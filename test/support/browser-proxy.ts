import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** A forward proxy that leads wherever it is asked to: CONNECT (RFC 9110 §9.3.6) and requests for plain http URLs. */
export function forwardProxy(): Server {
  const server = createServer((incoming, outgoing) => {
    const { hostname, port, pathname, search } = new URL(incoming.url!);
    const onward = request({ host: reached(hostname), port, path: pathname + search, method: incoming.method, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => (outgoing.headersSent ? outgoing.destroy() : outgoing.writeHead(502).end()));
    incoming.pipe(onward);
  });
  return server.on('connect', (incoming: IncomingMessage, client: Duplex) => {
    const { hostname, port } = new URL(`http://${incoming.url}`);
    const there = connect(Number(port || 80), reached(hostname));
    there.once('error', () => client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
    there.once('connect', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      // Either end may break off.
      for (const [from, to] of [[client, there], [there, client]] as const) pipeline(from, to).catch(() => {});
    });
  });
}

/** Browsers take the names below `localhost` to be this machine's, resolvers need not (RFC 6761 §6.3). */
const reached = (hostname: string): string => (hostname.endsWith('.localhost') ? 'localhost' : hostname.replace(/^\[|\]$/g, ''));
