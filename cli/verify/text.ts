import type { Check } from './run.ts';

const marks: Readonly<Record<Check['result'], string>> = { passed: '✓', failed: '✗', 'not looked at': '–' };

/** Every check as a sentence, by what it looks at; below one that failed, what was expected, what was found, and what to do. */
export function checkLines(checks: readonly Check[]): string[] {
  const areas = Map.groupBy(checks, ({ area }) => area);
  return [...areas].flatMap(([area, made]) => ['', ...(area ? [area] : []), ...made.flatMap(linesOf)]);
}

function linesOf({ check, result, reason, expected, found, remedy }: Check): string[] {
  const first = `  ${marks[result]} ${check}`;
  if (result === 'not looked at') return [first, `      not looked at: ${reason}`];
  return result === 'passed' ? [first] : [first, ...[['expected', expected], ['found', found], ['to do', remedy]].map(([name, value]) => `      ${name!.padEnd(8)}  ${value}`)];
}

export function totalLine(checks: readonly Check[]): string {
  const count = (result: Check['result']) => checks.filter((check) => check.result === result).length;
  const others = count('not looked at');
  return `${count('passed')} passed, ${count('failed')} failed${others > 0 ? `, ${others} not looked at` : ''}`;
}
