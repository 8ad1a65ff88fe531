import type { ConfigProblem } from './rules.ts';

/**
 * What is wrong with the keys themselves, which nobody would notice otherwise: a key of a misspelt namespace is read by nothing, and of one
 * that is there twice only one counts. Other namespaces are those of providers (`docker:`, `cloudflare:`).
 * @param keys as they are written, with the namespace or without
 */
export function keyProblems(keys: readonly string[], namespace: string): ConfigProblem[] {
  return keys.flatMap((key) => {
    const colon = key.indexOf(':');
    if (colon === -1) return keys.includes(`${namespace}:${key}`) ? [{ path: key, message: `is there twice, as ${namespace}:${key} and as ${key}: remove one` }] : [];
    const [written, rest] = [key.slice(0, colon), key.slice(colon + 1)];
    return written !== namespace && distance(written.toLowerCase(), namespace) <= 2 ? [{ path: rest, message: `is written as ${key}, which nothing reads: write ${namespace}:${rest}` }] : [];
  });
}

/** Levenshtein's: how many letters differ, are missing or are too many. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries())
    row = row.reduce<number[]>((next, above, j) => [...next, j === 0 ? i + 1 : Math.min(above + 1, next[j - 1]! + 1, row[j - 1]! + (letter === b[j - 1] ? 0 : 1))], []);
  return row.at(-1)!;
}
