import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * Adds an access token to each request and changes nothing else, not even `Host`: the conformance suite cannot send one.
 * Streams pass as they come, and hanging up passes on in both directions.
 */
export class AuthorizingProxy {
  readonly #server: Server;

  constructor(target: string, token: string) {
    const { hostname, port } = new URL(target);
    this.#server = createServer((req, res) => {
      const headers = [...req.rawHeaders, 'Authorization', `Bearer ${token}`];
      const onward = request({ hostname, port, path: req.url, method: req.method, headers, agent: false }, (answer) => {
        res.writeHead(answer.statusCode!, answer.rawHeaders).flushHeaders();
        answer.pipe(res);
        answer.on('error', () => res.destroy());
      });
      onward.on('error', () => res.destroy());
      res.on('close', () => onward.destroy());
      req.pipe(onward);
    });
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/mcp`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}
