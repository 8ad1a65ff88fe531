import * as engine from '../engine/index.ts';
import { CommandError, UsageError } from './errors.ts';
import { projectDirectory, stateDirectory } from './stack-file.ts';
import { stackOption } from './stack-name.ts';
import { completeOutputs, outputLines } from './stack-outputs.ts';

export interface OutputsOptions {
  stack: string;
  json?: boolean;
  /** Only this one: text as it is, anything else as JSON. */
  name?: string;
}

/**
 * Prints a stack's outputs, the test user's password among them.
 * @throws CommandError where the stack does not stand, UsageError where it has no such output
 */
export async function outputs({ stack, json = false, name }: OutputsOptions): Promise<void> {
  const all = await completeOutputs(stack, await engine.outputs({ projectDirectory, stateDirectory, stack }));
  if (!all) throw new CommandError(`Stack ${stack} was not deployed by \`npm run up\` from here.`, [`One that the Pulumi CLI deployed, as all of profile production, is asked with \`pulumi stack output --show-secrets --stack ${stack}\`. Others: \`npm run up${stackOption(stack)}\` stands it up.`]);
  if (name === undefined) {
    console.log(json ? JSON.stringify(all, null, 2) : outputLines(all, stack).join('\n'));
    return;
  }
  if (!(name in all)) throw new UsageError(`Stack ${stack} has no output ${name}; it has: ${Object.keys(all).join(', ')}. They are of the last \`up\`: if the config has changed since, run \`npm run up${stackOption(stack)}\`.`);
  const value = all[name];
  // A certificate ends in a newline of its own.
  process.stdout.write(`${typeof value === 'string' && !json ? value.trimEnd() : JSON.stringify(value, null, 2)}\n`);
}
