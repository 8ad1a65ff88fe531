import type { RequestHandler, Response } from 'express';
import { pino, type DestinationStream, type Logger } from 'pino';

export type { Logger };

/** JSON lines on standard output, or on `destination`. */
export function createLogger(destination?: DestinationStream): Logger {
  const options = { base: undefined, timestamp: () => `,"time":"${new Date().toISOString()}"`, formatters: { level: (level: string) => ({ level }) } };
  return destination ? pino(options, destination) : pino(options);
}

/** What the log says of a request beyond its method, path and status. Never a token, a header, a query string or a body. */
export interface Annotations {
  subject?: string;
  client?: string;
  server?: string;
  mcpMethod?: string;
  tool?: string;
  /** Number of messages, where a client sent several at once. */
  batch?: number;
  refused?: string;
  reason?: string;
}

/** Adds to the line that will be logged for this response. */
export function annotate(res: Response, annotations: Annotations): void {
  Object.assign(res.locals, annotations);
}

/** Logs one line for each request once it is answered, or once the client is gone. */
export function logRequests(logger: Logger): RequestHandler {
  return (req, res, next) => {
    const started = performance.now();
    // Authorization codes and tokens of others travel in query strings.
    const path = req.originalUrl.split('?')[0]!.slice(0, 200);
    res.on('close', () => {
      const milliseconds = Math.round(performance.now() - started);
      const hungUp = res.writableFinished ? undefined : true;
      logger.info({ method: req.method, path, status: res.statusCode, milliseconds, hungUp, ...res.locals }, 'request');
    });
    next();
  };
}

/** A name that a caller chose, as far as it is fit for a log: names that are long or odd could be anything, secrets too. */
export function loggable(name: string | undefined): string | undefined {
  return name !== undefined && /^[\w./-]{1,64}$/.test(name) ? name : undefined;
}

/** An unexpected error for the log: its kind and place. Messages are left out, since they may quote a body or a header. */
export function describeError(error: unknown): { error: string; at: string[] } {
  if (!(error instanceof Error)) return { error: typeof error, at: [] };
  const frames = error.stack?.split('\n').filter((line) => line.startsWith('    at ')) ?? [];
  return { error: error.name, at: frames.slice(0, 6).map((line) => line.trim()) };
}
