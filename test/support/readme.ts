import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');

/** The first block of shell commands below a heading of the README. @throws Error where there is none */
export function commandsOf(heading: string): string {
  const section = readme.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  const commands = section && /^```sh\n([^]*?)^```$/m.exec(section)?.[1];
  if (!commands) throw new Error(`README: no commands below “${heading}”`);
  return commands;
}
