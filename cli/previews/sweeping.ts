import type { Known } from './known.ts';
import { expiresOf } from './record.ts';
import { timeText } from './lifetime.ts';

/** Whether a sweep takes a preview, and why, in words. */
export interface Verdict {
  readonly taken: boolean;
  readonly why: string;
}

/** @param olderThan in seconds; without it only those go that are past their own lifetime */
export function judge({ name, state, record }: Pick<Known, 'name' | 'state' | 'record'>, now: Date, olderThan?: number): Verdict {
  if (state === 'at work') return { taken: false, why: 'is at work' };
  if (state === 'damaged') return { taken: false, why: `has notes that cannot be read: \`npm run preview -- down --name ${name}\` takes it` };
  if (record.keep) return { taken: false, why: 'is kept' };
  const age = (now.getTime() - record.created.getTime()) / 1000;
  const expired = (now.getTime() - expiresOf(record).getTime()) / 1000;
  if (expired >= 0) return { taken: true, why: `its lifetime ended ${timeText(expired)} ago` };
  if (olderThan !== undefined && age >= olderThan) return { taken: true, why: `is ${timeText(age)} old` };
  return { taken: false, why: `is ${timeText(age)} old, and has ${timeText(-expired)} to live` };
}

/** Does some work for each, so many at a time, and goes on past one that fails. @returns what became of each, in the order given */
export async function forEach<T, R>(items: readonly T[], atOnce: number, work: (item: T) => Promise<R>): Promise<PromiseSettledResult<R>[]> {
  const results: PromiseSettledResult<R>[] = [];
  const waiting = [...items.entries()];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) [results[next[0]]] = await Promise.allSettled([work(next[1])]);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}
