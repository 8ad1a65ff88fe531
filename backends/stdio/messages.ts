import { checkShape } from './shape.ts';

export type Id = string | number;

/** A JSON-RPC message, as far as the supervisor reads it. */
export interface Message {
  readonly jsonrpc: '2.0';
  readonly id?: Id | null;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}
export type Request = Message & { readonly id: Id; readonly method: string };
export type Notification = Message & { readonly method: string };
export type Response = Message & { readonly id: Id };

export const codes = { parse: -32700, invalid: -32600, methodNotFound: -32601, internal: -32603, unsupportedVersion: -32022 } as const;

/**
 * Integers past 2^53 would come out changed: they are kept as written, at the price of a slower parser.
 * @throws SyntaxError, and RangeError where it is nested too deep or has too many values
 */
export function parse(text: string): unknown {
  checkShape(text);
  return /\d{16}/.test(text) ? JSON.parse(text, keepLargeNumbers as never) : JSON.parse(text);
}

function keepLargeNumbers(_key: string, value: unknown, context: { source: string }): unknown {
  if (typeof value !== 'number' || String(value) === context.source) return value;
  return (JSON as unknown as { rawJSON(source: string): unknown }).rawJSON(context.source);
}

export function isMessage(value: unknown): value is Message {
  return isObject(value) && value.jsonrpc === '2.0' && (isRequest(value as never) || isNotification(value as never) || isResponse(value as never));
}

export function isRequest(message: Message): message is Request {
  return typeof message.method === 'string' && isId(message.id);
}

export function isNotification(message: Message): message is Notification {
  return typeof message.method === 'string' && message.id === undefined;
}

export function isResponse(message: Message): message is Response {
  return message.method === undefined && isId(message.id) && (isObject(message.result) || isObject(message.error));
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is Id {
  return typeof value === 'string' || typeof value === 'number';
}

export function failure(id: Id | null, code: number, message: string, data?: unknown): Message {
  return { jsonrpc: '2.0', id, error: { code, message, ...(data !== undefined && { data }) } };
}

export function notification(method: string, params?: Record<string, unknown>): Notification {
  return { jsonrpc: '2.0', method, ...(params && { params }) };
}

/** The message with some of its `params._meta` replaced. */
export function withMeta<M extends Message>(message: M, meta: Record<string, unknown>): M {
  return { ...message, params: { ...message.params, _meta: { ...metaOf(message), ...meta } } };
}

export function metaOf(message: Message): Record<string, unknown> {
  return isObject(message.params?._meta) ? message.params._meta : {};
}
