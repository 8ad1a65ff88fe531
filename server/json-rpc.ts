/** A JSON-RPC id. MCP allows no null, and a fraction would not survive every backend. */
export type Id = string | number;

/** One JSON-RPC message of a client, as far as the gateway reads it. */
export interface Message {
  readonly kind: 'request' | 'notification' | 'response';
  /** The whole message. What is forwarded is written from this, never copied from the wire. */
  readonly body: Record<string, unknown>;
  /** Empty in a response. */
  readonly method: string;
  readonly id: Id | undefined;
  readonly params: Readonly<Record<string, unknown>>;
}

/** What is wrong with a body: answered with this HTTP status and JSON-RPC code. */
export class MessageError extends Error {
  readonly status: number;
  readonly code: number;
  readonly id: Id | undefined;
  readonly data: unknown;

  constructor(status: number, code: number, message: string, id?: Id, data?: unknown) {
    super(message);
    this.name = 'MessageError';
    this.status = status;
    this.code = code;
    this.id = id;
    this.data = data;
  }
}

/** Most messages in one batch (2025-03-26). */
export const MAX_BATCH = 20;
const MAX_ID_LENGTH = 256;
/** Some thousand levels more and writing it again would run out of stack, here or at a backend. */
const MAX_DEPTH = 500;
/** Where keys are looked at one by one. */
const MAX_KEYS = 1_000;
/** In characters. The parser that keeps numbers as written is slow: some 4 MB would block a worker for seconds. */
const MAX_EXACT_LENGTH = 256 * 1024;
const MAX_BRACKETS = 400_000;

/** Folded name → name. */
type Names = ReadonlyMap<string, string>;
const ENVELOPE = namesOf('jsonrpc', 'id', 'method', 'params', 'result', 'error');
const TARGETS = namesOf('name', 'uri', 'ref', 'arguments', '_meta', 'notifications', 'requestId');
const REFERENCE = namesOf('type', 'name', 'uri');
const FILTER = namesOf('resourceSubscriptions');
const LONGEST_NAME = 'resourceSubscriptions'.length;

/**
 * The messages of a body: one, or several where a client of 2025-03-26 sends a batch.
 * @throws MessageError
 */
export function parseMessages(text: string): { messages: Message[]; batch: boolean } {
  const parsed = text.length > MAX_EXACT_LENGTH ? parseLong(text) : parseJson(text);
  if (text.length > 2 * MAX_DEPTH && isDeep(parsed)) throw new MessageError(400, -32600, `The body is nested deeper than ${MAX_DEPTH} levels`);
  if (!Array.isArray(parsed)) return { messages: [messageOf(parsed)], batch: false };
  if (parsed.length === 0) throw new MessageError(400, -32600, 'The batch is empty');
  if (parsed.length > MAX_BATCH) throw new MessageError(400, -32600, `A batch holds at most ${MAX_BATCH} messages`);
  return { messages: parsed.map(messageOf), batch: true };
}

/** Nested deeper than anything that MCP knows. A list of all values would be slow to make, a million times. */
export function isDeep(value: unknown, levels = MAX_DEPTH): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) return value.some((inner) => isDeep(inner, levels - 1));
  for (const key in value) if (isDeep((value as Record<string, unknown>)[key], levels - 1)) return true;
  return false;
}

function messageOf(value: unknown): Message {
  if (!isObject(value) || value.jsonrpc !== '2.0') throw new MessageError(400, -32600, 'The body is no JSON-RPC 2.0 message');
  refuseVariants(value, ENVELOPE);
  const { id, method, params } = value;
  if (id !== undefined && !isId(id)) throw new MessageError(400, -32600, `The id must be an integer or a string of at most ${MAX_ID_LENGTH} characters`);
  if (method === undefined && id !== undefined && ('result' in value || 'error' in value)) return { kind: 'response', body: value, method: '', id, params: {} };
  if (typeof method !== 'string') throw new MessageError(400, -32600, 'The message has no method', id);
  if (params !== undefined && !isObject(params)) throw new MessageError(400, -32600, 'params must be an object', id);
  if (params !== undefined) refuseVariants(params, TARGETS);
  if (isObject(params?.ref)) refuseVariants(params.ref, REFERENCE);
  if (isObject(params?.notifications)) refuseVariants(params.notifications, FILTER);
  return { kind: id === undefined ? 'notification' : 'request', body: value, method, id, params: params ?? {} };
}

/**
 * A backend that reads keys case-insensitively, as Go's encoding/json does, would take `Name` for `name`: another tool than
 * the one that was authorized. Folded as Go folds: U+017F and U+212A are s and k there. And `__proto__` is every key to a
 * backend that copies it carelessly.
 */
function refuseVariants(object: Record<string, unknown>, names: Names): void {
  const keys = Object.keys(object);
  if (keys.length > MAX_KEYS) throw new MessageError(400, -32600, `A message and its params hold at most ${MAX_KEYS} keys each`);
  for (const key of keys) {
    const name = key.length > LONGEST_NAME ? key : (names.get(folded(key)) ?? key);
    if (key === '__proto__' || name !== key) throw new MessageError(400, -32600, `The key ${JSON.stringify(key)} is another spelling of one that means something`);
  }
}

function namesOf(...names: string[]): Names {
  return new Map(names.map((name) => [folded(name), name]));
}

function folded(key: string): string {
  return key.toUpperCase().toLowerCase();
}

/**
 * Integers past 2^53, and what is past all numbers, would come out changed: they are kept as written, by a slower parser.
 * @throws MessageError
 */
export function parseJson(text: string): unknown {
  return parse(text, /\d{16}|\d[eE]\+?\d{3}/.test(text) ? keepLargeNumbers : undefined);
}

/** Too long for that parser: a number that would come out changed is refused, rather than changed unseen. */
function parseLong(text: string): unknown {
  // An empty object takes 3 bytes as text and 60 in memory.
  let brackets = 0;
  for (let at = 0; at < text.length; at += 1) if (text[at] === '{' || text[at] === '[') brackets += 1;
  if (brackets > MAX_BRACKETS) throw new MessageError(400, -32600, `The body has more than ${MAX_BRACKETS} objects and lists`);
  const parsed = parse(text);
  // In JSON that could be read, only strings hold backslashes. What looks like a number inside a string is none.
  const outside = text.replace(/\\./g, '').replace(/"[^"]*"/g, '');
  for (const [number] of outside.matchAll(/[\d.]{16,}(?:[eE][-+]?\d+)?|[\d.]+[eE]\+?\d{3,}/g))
    if (isChanged(number)) throw new MessageError(400, -32600, `In a body of more than ${MAX_EXACT_LENGTH} characters every number has to fit into a double, and ${number.slice(0, 40)} does not`);
  return parsed;
}

/** A fraction of up to 17 digits is how programs write a double: what reads it as one gets the same from another spelling. */
function isChanged(number: string): boolean {
  const value = Number(number);
  if (String(value) === number) return false;
  const isFraction = /[.e]/i.test(number) && Number.isFinite(value);
  return !isFraction || number.replace(/e.*|\./gi, '').replace(/^0+/, '').length > 17;
}

function parse(text: string, reviver?: typeof keepLargeNumbers): unknown {
  try {
    return JSON.parse(text, reviver as never);
  } catch {
    throw new MessageError(400, -32700, 'The body could not be read as JSON');
  }
}

function keepLargeNumbers(_key: string, value: unknown, context: { source: string }): unknown {
  if (typeof value !== 'number' || String(value) === context.source) return value;
  return rawJson.rawJSON(context.source);
}

// ECMAScript 2026, which TypeScript does not know yet.
const rawJson = JSON as unknown as { rawJSON(source: string): unknown; isRawJSON(value: unknown): boolean };

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !rawJson.isRawJSON(value);
}

export function isId(value: unknown): value is Id {
  return typeof value === 'string' ? value.length <= MAX_ID_LENGTH : Number.isSafeInteger(value);
}

/** A JSON-RPC error as it goes to a client. Without an id it answers nothing in particular. */
export function errorBody(code: number, message: string, id?: Id, data?: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', id: id ?? null, error: { code, message, data } });
}
