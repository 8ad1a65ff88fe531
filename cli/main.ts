import { CommanderError } from 'commander';
import { plain } from '../host/plain.ts';
import { HostError } from '../host/shell.ts';
import { ConfigError } from '../infra/config.ts';
import { commands } from './commands.ts';
import { CommandError, UsageError } from './errors.ts';
import { isEngineError } from './next-step.ts';

/** 0 done; 1 failed: what, where and what next are on stderr; 2 wrong use or config: nothing was touched. */
export type ExitCode = 0 | 1 | 2;

/** Runs one command. @param program what was typed before it, for its help */
export async function main(args: readonly string[], program = 'npm run'): Promise<ExitCode> {
  let code: ExitCode = 0;
  try {
    await commands((value) => (code = value), program).parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    return report(error);
  }
}

function report(error: unknown): ExitCode {
  // Commander has printed its own.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof ConfigError || error instanceof UsageError) {
    console.error(error.message);
    return 2;
  }
  // What other machines and programs said is part of these.
  if (error instanceof CommandError) console.error(plain([error.message, ...error.next].join('\n')));
  // Of a machine that cannot be reached, ssh's own words are explained where they are heard.
  else if (isEngineError(error) || error instanceof HostError || (error as NodeJS.ErrnoException).code === 'ESSH') console.error(plain((error as Error).message));
  // Anything else is a mistake of ours: where it happened is what helps.
  else console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return 1;
}
