import { plain } from '../../host/plain.ts';
import type { DriftReport, Finding } from './facts.ts';

/** A value that is longer says no more to a person. */
const WIDTH = 200;
/** What of two long values is the same is shown before the difference. */
const CONTEXT = 40;

/** @param up what brings the stack to what its config says */
export function driftLines({ stack, ok, findings, beside, unknown }: DriftReport, up: string): string[] {
  const count = findings.length === 1 ? '1 difference' : `${findings.length} differences`;
  const lines = [
    ...findings.flatMap(findingLines),
    ...(unknown.length > 0 ? ['Could not be looked at:', ...unknown.map((line) => `  - ${line}`), ''] : []),
    ...(beside.length > 0 ? ['Beside what is the stack’s; `up` leaves it:', ...beside.map((line) => `  - ${line}`), ''] : []),
    ok ? `Stack ${stack} is as its config says.` : `Stack ${stack}: ${findings.length > 0 ? `${count} from its config. \`${up}\` makes it as it should be.` : 'whether it is as its config says is not known.'}`,
  ];
  return lines.map(plain);
}

function findingLines({ what, path, expected, found, up }: Finding): string[] {
  const texts = [expected, found].map((text) => text.replace(/\s+/g, ' ')) as [string, string];
  const from = Math.max(...texts.map(({ length }) => length)) > WIDTH ? Math.max(commonStart(...texts) - CONTEXT, 0) : 0;
  const short = (text: string) => `${from > 0 ? '…' : ''}${text.slice(from, from + WIDTH)}${text.length > from + WIDTH ? '…' : ''}`;
  return [`${what}${path && `: ${path}`}`, `  expected  ${short(texts[0])}`, `  found     ${short(texts[1])}`, `  up        ${up}`, ''];
}

function commonStart(one: string, other: string): number {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  return at;
}
