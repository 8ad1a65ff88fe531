import * as engine from '../engine/index.ts';
import { type Inventory, listStack } from './docker.ts';
import { CommandError } from './errors.ts';
import { isEngineError } from './next-step.ts';
import { projectDirectory, stateDirectory } from './stack-file.ts';

export const kinds = ['containers', 'networks', 'volumes', 'images'] as const;

export const count = (inventory: Inventory) => kinds.reduce((sum, kind) => sum + inventory[kind].length, 0);

/**
 * What stands of a stack, and whether a state knows of it.
 * @throws CommandError where parts stand that no readable state knows. To go on would make new secrets for old data, which
 * breaks a stack that may well be working
 */
export async function readStandingStack(stack: string): Promise<{ known: boolean; found: Inventory }> {
  const found = await listStack(stack);
  const outputs = await engine.outputs({ projectDirectory, stateDirectory, stack }).catch((error: unknown) => {
    if (isEngineError(error)) throw new CommandError(error.message, ['Or give the stack up.', ...removeByHand(found), `  rm ${stateDirectory}/${stack}.*`]);
    throw error;
  });
  if (!outputs && count(found) > 0)
    throw new CommandError(`The state of stack ${stack} is not in ${stateDirectory}, but parts of the stack are there. Nothing was touched.`, [
      'Put the state back, or give the stack up.',
      `If the Pulumi CLI deployed it: pulumi destroy --stack ${stack}`,
      ...removeByHand(found),
    ]);
  return { known: outputs !== undefined, found };
}

/** In the order in which Docker lets them go. */
export function removeByHand(inventory: Inventory): string[] {
  const commands = { containers: 'docker rm -f', networks: 'docker network rm', volumes: 'docker volume rm', images: 'docker rmi' };
  return ['Remove them by hand:', ...kinds.filter((kind) => inventory[kind].length > 0).map((kind) => `  ${commands[kind]} ${inventory[kind].join(' ')}`)];
}
