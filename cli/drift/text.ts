import { plain } from '../../host/plain.ts';
import type { DriftReport, Finding } from './facts.ts';

/** A value that is longer says no more to a person. */
const WIDTH = 200;

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

const findingLines = ({ what, path, expected, found, up }: Finding): string[] => [`${what}${path && `: ${path}`}`, `  expected  ${short(expected)}`, `  found     ${short(found)}`, `  up        ${up}`, ''];

const short = (text: string): string => {
  const line = text.replace(/\s+/g, ' ');
  return line.length > WIDTH ? `${line.slice(0, WIDTH)}…` : line;
};
