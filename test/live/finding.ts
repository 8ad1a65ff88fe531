import type { TestContext } from 'vitest';
import { redacted } from './redacted.ts';

/** What was found in place of what must be: the lines below a failed check. */
export interface Finding {
  readonly expected: string;
  readonly found: string;
  /** What to do about it. */
  readonly remedy: string;
}

export class FindingError extends Error {
  readonly finding: Finding;

  constructor(finding: Finding) {
    const found = redacted(finding.found);
    super(`expected ${finding.expected}, found ${found}`);
    this.name = 'FindingError';
    this.finding = { ...finding, found };
  }
}

/** @throws FindingError where it is not right */
export function demand(right: boolean, finding: Finding): asserts right {
  if (!right) throw new FindingError(finding);
}

/** Byte for byte. What differs in a slash or in its case is shown as it is. */
export function demandSame(found: unknown, expected: unknown, what: string, remedy: string): void {
  const [is, wanted] = [found, expected].map((value) => JSON.stringify(value) ?? 'nothing');
  demand(is === wanted, { expected: `${what} ${wanted}`, found: is!, remedy });
}

/** Ends a check that cannot be made, with the reason. It is reported as such, and never as passed. */
export function notLookedAt({ skip }: Pick<TestContext, 'skip'>, reason: string): never {
  skip(reason);
  throw new Error('skip() does not return');
}
