import type { Command } from 'commander';
import { UsageError } from './errors.ts';

/** What people set for npm itself, or images do for everyone. */
const NPMS_OWN = ['ca', 'force', 'json', 'user', 'yes'];

/**
 * npm keeps an option that is typed without a `--` before it, and tells the program by its environment alone. The command would go on
 * without it: with another stack, or for real in place of a dry run.
 * @throws UsageError
 */
export function refuseSwallowed(command: Command, environment: NodeJS.ProcessEnv = process.env): void {
  const swallowed = command.options.flatMap((option) => {
    const name = option.name().replace(/^no-/, '');
    const value = environment[`npm_config_${name.replaceAll('-', '_')}`];
    if (value === undefined || NPMS_OWN.includes(name)) return [];
    return [option.required ? `${option.long} ${value}` : option.long!];
  });
  if (swallowed.length === 0) return;
  throw new UsageError(`npm kept ${swallowed.join(' ')} for itself; nothing was done. Options come after a --: npm run ${command.name()} -- ${swallowed.join(' ')}`);
}
