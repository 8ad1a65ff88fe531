import type { MessagePort } from 'node:worker_threads';
import { parseJson } from '../json-rpc.ts';
import { SessionError, type Sessions } from './session.ts';

const methods = ['initialize', 'current', 'bridge', 'resume', 'find', 'renew', 'end', 'isModern'] as const;
type Method = (typeof methods)[number];

interface Call {
  readonly call: number;
  readonly method: Method | 'touch';
  /** As JSON: numbers that are kept as a client wrote them cannot be cloned. */
  readonly args: string;
}

interface Return {
  readonly call: number;
  readonly value?: unknown;
  readonly error?: { status: number; code: number; message: string; data: unknown };
}

/** Answers the calls that a worker makes through `port`. */
export function serveSessions(sessions: Sessions, port: MessagePort): void {
  port.on('message', ({ call, method, args }: Call) => {
    const work = (sessions[method] as (...args: unknown[]) => unknown).apply(sessions, parseJson(args) as unknown[]);
    if (method === 'touch') return;
    const fail = (error: unknown) => {
      const { status, code, message, data } = error instanceof SessionError ? error : new SessionError(500, -32603, 'Internal error');
      port.postMessage({ call, error: { status, code, message, data } } satisfies Return);
    };
    // What cannot be posted fails the call, and not the process.
    Promise.resolve(work).then((value) => port.postMessage({ call, value } satisfies Return)).catch(fail).catch(() => fail(undefined));
  });
}

/** The registry of the main thread, as a worker sees it. */
export function remoteSessions(port: MessagePort): Sessions {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let calls = 0;
  port.on('message', ({ call, value, error }: Return) => {
    const caller = waiting.get(call);
    waiting.delete(call);
    if (error) caller?.reject(new SessionError(error.status, error.code, error.message, error.data));
    else caller?.resolve(value);
  });
  const remote = Object.fromEntries(
    methods.map((method) => [
      method,
      (...args: unknown[]) => {
        const result = Promise.withResolvers<unknown>();
        calls += 1;
        waiting.set(calls, result);
        port.postMessage({ call: calls, method, args: JSON.stringify(args) } satisfies Call);
        return result.promise;
      },
    ]),
  );
  return { ...(remote as Omit<Sessions, 'touch'>), touch: (ids: readonly string[]) => port.postMessage({ call: 0, method: 'touch', args: JSON.stringify([ids]) } satisfies Call) };
}

