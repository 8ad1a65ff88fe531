import { createServer, type Server } from 'node:http';

/** How the gateway is. */
export interface Health {
  /** Takes connections. */
  readonly live: boolean;
  /** What keeps it from doing all its work, each in a sentence. */
  readonly problems: readonly string[];
}

/**
 * Health endpoints on a listener of their own, which no front routes to: `/live` says whether it takes requests, `/ready` whether
 * tokens can be checked and every backend be reached, and if not, why.
 */
export function createHealthServer(look: () => Promise<Health>): Server {
  return createServer(async (req, res) => {
    const { live, problems } = await look();
    const answer = { '/live': live ? [] : ['does not take connections'], '/ready': live ? problems : ['does not take connections'] }[req.url ?? ''];
    if (!answer) return void res.writeHead(404).end();
    res.writeHead(answer.length === 0 ? 200 : 503, { 'Content-Type': 'application/json' }).end(`${JSON.stringify({ ok: answer.length === 0, problems: answer })}\n`);
  });
}

/** Metrics on a listener of their own, for whoever scrapes them on the host. */
export function createMetricsServer(metrics: () => Promise<string>): Server {
  return createServer(async (req, res) => {
    if (req.url !== '/metrics') return void res.writeHead(404).end();
    res.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }).end(await metrics());
  });
}
