import type { z } from 'zod';
import { examples } from './examples.ts';
import type { ConfigProblem } from './rules.ts';

/** What the schema says of a value, as a person is told it. @param raw the values, where a missing one can be told from a wrong one */
export function problemsOfIssue(issue: z.core.$ZodIssue, raw: unknown): ConfigProblem[] {
  const path = issue.path.reduce<string>((text, part) => (typeof part === 'number' ? `${text}[${part}]` : text ? `${text}.${String(part)}` : String(part)), '');
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => ({ path: path ? `${path}.${key}` : key, message: issue.message }));
  // The key of a map is wrong, not its value.
  if (issue.code === 'invalid_key') return [{ path, message: issue.issues[0]?.message ?? issue.message }];
  const example = examples[issue.path.filter((part) => typeof part === 'string').join('.')];
  const value = issue.path.reduce<unknown>((inner, part) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[part], raw);
  if (value === undefined) return [{ path, message: issue.message.startsWith('is missing') ? issue.message : `is missing${example ? `: for example ${example}` : ''}` }];
  if (value === null) return [{ path, message: `is empty: give it a value${example ? `, for example ${example}` : ''}, or leave it out` }];
  return [{ path, message: wordsFor(issue, example) ?? issue.message }];
}

/** Kinds of values by zod's names, and what each may look like. */
const kinds: Readonly<Record<string, readonly [string, string?]>> = {
  array: ['a list', '[a, b]'],
  object: ['a map', '{ a: b }'],
  record: ['a map', '{ a: b }'],
  string: ['a text: put a number or a true in quotes'],
  boolean: ['true or false, without quotes'],
  number: ['a number, without quotes'],
  int: ['a whole number, without quotes'],
};

/** In place of zod's own words, where the schema has none. */
function wordsFor(issue: z.core.$ZodIssue, example: string | undefined): string | undefined {
  if (!/^(Invalid input|Too (small|big)): /.test(issue.message)) return undefined;
  if (issue.code === 'invalid_type') {
    const [kind, shape] = kinds[issue.expected] ?? [issue.expected];
    return shape ? `must be ${kind}, for example ${example ?? shape}` : `must be ${kind}`;
  }
  if (issue.code === 'too_small') return issue.origin === 'string' ? 'is empty' : `must be at least ${issue.minimum}`;
  if (issue.code === 'too_big') return issue.origin === 'string' ? `is longer than ${issue.maximum} characters` : `must be at most ${issue.maximum}`;
  return undefined;
}
