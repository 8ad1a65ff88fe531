import { createServer, type Server } from 'node:http';

/**
 * Health endpoints on a listener of their own, which no front routes to: `/live` answers as long as the process does,
 * `/ready` says whether it takes requests.
 */
export function createHealthServer(isReady: () => boolean): Server {
  return createServer((req, res) => {
    const healthy = req.url === '/live' || (req.url === '/ready' && isReady());
    const status = healthy ? 200 : req.url === '/ready' ? 503 : 404;
    res.writeHead(status, { 'Content-Type': 'text/plain' }).end(`${healthy ? 'ok' : status === 503 ? 'not ready' : 'not found'}\n`);
  });
}
