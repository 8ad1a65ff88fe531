import type { Difference, Wanted } from '../../engine/index.ts';
import type { Config } from '../../infra/config.ts';

/** What was seen of a resource in the world, of which the engine knows only that its command once ran. */
export interface Seen {
  /** URN of the command that sets it. */
  urn: string;
  /** What it is of, in words: `realm main: client claude`. */
  what: string;
  differences: readonly Difference[];
}

export interface Sight {
  seen: Seen[];
  beside: string[];
  unknown: string[];
}

export interface Scene {
  stack: string;
  config: Config;
  wanted: readonly Wanted[];
}

/** The command of a role, on whichever machine. */
export const commandOf = ({ wanted }: Scene, role: string): Wanted | undefined => wanted.find(({ type, name }) => type === 'command:local:Command' && (name === role || name.startsWith(`${role}@`)));

export const engineOf = (target: string): string | undefined => (target === 'local' ? undefined : target);
