import type { IncomingHttpHeaders } from 'node:http';
import { isDeep, isObject } from '../json-rpc.ts';
import type { Backend } from './backend.ts';
import { dataOf, EventSplitter } from './events.ts';

const MAX_BYTES = 256 * 1024;
const SILENCE_MILLISECONDS = 10_000;

/** What a backend said to the gateway itself. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The JSON-RPC response, if there was one. */
  readonly message: Record<string, unknown> | undefined;
}

/**
 * Asks a backend on the gateway's own behalf, for a small answer.
 * @throws the error of the connection, or one that says that the answer is too large
 */
export function ask(backend: Backend, method: 'POST' | 'DELETE', message: object | undefined, headers: Readonly<Record<string, string>>): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const chunks: Buffer[] = [];
  const events = new EventSplitter();
  let size = 0;
  let head: { status: number; headers: IncomingHttpHeaders } | undefined;
  const common = { accept: 'application/json, text/event-stream', 'accept-encoding': 'identity', ...(message && { 'content-type': 'application/json' }) };
  backend.send(
    { method, headers: { ...common, ...headers }, body: message && JSON.stringify(message), silence: SILENCE_MILLISECONDS },
    {
      onRequestStart() {},
      onResponseStart: (_controller, status, received) => void (head = { status, headers: received }),
      onResponseData(controller, chunk) {
        size += chunk.length;
        if (size > MAX_BYTES) return controller.abort(new Error('The answer is too large'));
        if (!head?.headers['content-type']?.startsWith('text/event-stream')) return void chunks.push(chunk);
        // A stream may stay open after the response that was asked for; notifications may come before it.
        const response = events.push(chunk).map((event) => parse(dataOf(event))).find((said) => said !== undefined && ('result' in said || 'error' in said));
        if (response === undefined) return;
        resolve({ ...head!, message: response });
        controller.abort(new Error('All that was asked for is there'));
      },
      onResponseEnd: () => resolve({ ...head!, message: parse(Buffer.concat(chunks).toString()) }),
      onResponseError: (_controller, error) => reject(error),
    },
  );
  return promise;
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    // What is nested too deep could not be handed on.
    return isObject(value) && !isDeep(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
