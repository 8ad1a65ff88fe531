import { hasSecret, hasUnknown, reveal, Secret, unknown, type Value, type Values } from './values.ts';

/** One value of a resource that is not as it should be, in words. Secrets are `[secret]`. */
export interface Difference {
  /** Where in the inputs, as a path: `envs.LOG_LEVEL`. Empty: the object itself. */
  readonly path: string;
  readonly expected: string;
  readonly found: string;
}

const NOTHING = 'nothing';

/** What a change of the inputs consists of. */
export function inputDifferences(before: Values, after: Values, keys: readonly string[]): Difference[] {
  return keys.flatMap((key) => compare(key, before[key], after[key]));
}

/** Value by value as far down as both have the same shape. A secret is not looked into. */
function compare(path: string, before: Value | undefined, after: Value | undefined, secret = false): Difference[] {
  const isSecret = secret || before instanceof Secret || after instanceof Secret;
  const [old, next] = [before, after].map((value) => (value instanceof Secret ? value.value : value)) as [Value | undefined, Value | undefined];
  const maps = [settingsOf(old) ?? fieldsOf(old), settingsOf(next) ?? fieldsOf(next)];
  if (maps[0] && maps[1]) {
    const [one, other] = maps as [Values, Values];
    return [...new Set([...Object.keys(one), ...Object.keys(other)])].flatMap((key) => compare(`${path}.${key}`, one[key], other[key], isSecret));
  }
  const same = old !== undefined && next !== undefined && !hasUnknown(next) && JSON.stringify(reveal(old)) === JSON.stringify(reveal(next));
  return same || (old === undefined && next === undefined) ? [] : [{ path, expected: words(next, isSecret), found: words(old, isSecret) }];
}

/** `['NAME=value']` as a map: the names of settings are no secret, even where a value is. */
function settingsOf(value: Value | undefined): Values | undefined {
  if (!Array.isArray(value) || value.length === 0 || !value.every((each) => typeof (each instanceof Secret ? each.value : each) === 'string')) return undefined;
  const texts = value.map((each) => String(reveal(each)));
  return texts.every((each) => /^[A-Za-z_]\w*=/.test(each)) ? Object.fromEntries(texts.map((each, index) => [each.slice(0, each.indexOf('=')), mark(each.slice(each.indexOf('=') + 1), value[index]!)])) : undefined;
}

const mark = (text: string, like: Value): Value => (like instanceof Secret ? new Secret(text) : text);

const fieldsOf = (value: Value | undefined): Values | undefined => (typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Secret) ? value : undefined);

function words(value: Value | undefined, isSecret: boolean): string {
  if (value === undefined || value === null) return NOTHING;
  if (isSecret || hasSecret(value)) return '[secret]';
  if (value === unknown || hasUnknown(value)) return 'known after up';
  return typeof value === 'string' ? value : JSON.stringify(reveal(value));
}
