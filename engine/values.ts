import { isDeepStrictEqual } from 'node:util';

// Markers of the Pulumi wire format (sdk/go/common/resource/properties.go).
const signatureKey = '4dabf18193072939515e22adb298388d';
const secretSignature = '1b47061264138c4ac30d75fd1eb44270';
const unknownMarker = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

/** A value that must not be shown or stored in plain text. */
export class Secret {
  readonly value: Value;
  constructor(value: Value) {
    this.value = value;
  }
}

/** A value that only an `up` will know. */
export const unknown: unique symbol = Symbol('unknown');

export type Value = null | boolean | number | string | Value[] | Values | Secret | typeof unknown;
export interface Values {
  [key: string]: Value;
}
export type Plain = Record<string, unknown>;

/** Reads a value as the program sends it. */
export function fromWire(wire: unknown): Value {
  if (wire === unknownMarker) return unknown;
  if (Array.isArray(wire)) return wire.map(fromWire);
  if (typeof wire !== 'object' || wire === null) return (wire ?? null) as Value;
  const fields = wire as Plain;
  const signature = fields[signatureKey];
  if (signature === secretSignature) return new Secret(fromWire(fields['value']));
  if (signature !== undefined) throw new Error('assets, archives and resource references are no values the embedded engine knows');
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, fromWire(value)]));
}

/** Writes a value as the program expects it. */
export function toWire(value: Value): unknown {
  if (value === unknown) return unknownMarker;
  if (value instanceof Secret) return { [signatureKey]: secretSignature, value: toWire(value.value) };
  if (Array.isArray(value)) return value.map(toWire);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, toWire(field)]));
}

/** The same value without its secret marks. */
export function reveal(value: Value): unknown {
  if (value instanceof Secret) return reveal(value.value);
  if (Array.isArray(value)) return value.map(reveal);
  if (typeof value !== 'object' || value === null) return value;
  return revealAll(value);
}

export const revealAll = (values: Values): Plain =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, reveal(value)]));

/** The secrets inside a value, outermost first. */
export function* secretsIn(value: Value): Generator<Secret> {
  if (value instanceof Secret) {
    yield value;
    yield* secretsIn(value.value);
  } else if (typeof value === 'object' && value !== null) {
    for (const field of Object.values(value)) yield* secretsIn(field);
  }
}

export const hasSecret = (value: Value): boolean => !secretsIn(value).next().done;

export function hasUnknown(value: Value): boolean {
  if (value === unknown) return true;
  if (value instanceof Secret) return hasUnknown(value.value);
  return typeof value === 'object' && value !== null && Object.values(value).some(hasUnknown);
}

/** Names of the properties that differ. What is not known yet counts as different; a secret mark alone does not. */
export function changedKeys(before: Values, after: Values): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].filter((key) => {
    const old = before[key];
    const next = after[key];
    if (old === undefined || next === undefined) return old !== next;
    return hasUnknown(next) || !isDeepStrictEqual(reveal(old), reveal(next));
  });
}
