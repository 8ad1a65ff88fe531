import * as engine from '../engine/index.ts';
import type { Config } from '../infra/config.ts';
import { type EngineAddress, type Inventory, listStack } from './docker.ts';
import { CommandError } from './errors.ts';
import { isEngineError } from './next-step.ts';
import { hasStackFile, projectDirectory, readStackConfig, stateDirectory } from './stack-file.ts';
import { stackOption } from './stack-name.ts';

export const kinds = ['containers', 'networks', 'volumes', 'images'] as const;

export const count = (inventory: Inventory) => kinds.reduce((sum, kind) => sum + inventory[kind].length, 0);

/** The engines that a config names: `local` is the one of the environment. */
export const enginesOf = ({ deploy }: Pick<Config, 'deploy'>): EngineAddress[] =>
  [...new Set([deploy.app, deploy.proxy])].map((target) => (target === 'local' ? undefined : target));

/** Those that the state knows of, which may be others than the config's by now, and then the config's. */
export function knownEngines(stack: string, config?: Pick<Config, 'deploy'>): EngineAddress[] {
  const known = new Set<EngineAddress>(config && enginesOf(config));
  try {
    for (const machine of engine.machines({ projectDirectory, stateDirectory, stack })) known.add(machine);
  } catch (error) {
    // Who reads the state itself says what is wrong with it.
    if (!isEngineError(error)) throw error;
  }
  return known.size > 0 ? [...known] : [undefined];
}

/** For commands that work with a stack whoever deployed it, and that need no stack file. @throws ConfigError where there is one, and it is wrong */
export const enginesOfStack = (stack: string): EngineAddress[] => knownEngines(stack, hasStackFile(stack) ? readStackConfig(stack) : undefined);

/**
 * What stands of a stack, and whether a state knows of it.
 * @throws CommandError where parts stand that no readable state knows. To go on would make new secrets for old data, which
 * breaks a stack that may well be working
 */
export async function readStandingStack(stack: string, engines: readonly EngineAddress[]): Promise<{ known: boolean; found: Inventory }> {
  const found = await listStack(stack, engines);
  const outputs = await engine.outputs({ projectDirectory, stateDirectory, stack }).catch((error: unknown) => {
    if (isEngineError(error)) throw new CommandError(error.message, ['Or give the stack up.', ...removeByHand(found, engines), `  rm ${stateDirectory}/${stack}.*`]);
    throw error;
  });
  if (!outputs && count(found) > 0)
    throw new CommandError(`The state of stack ${stack} is not in ${stateDirectory}, but parts of the stack are there. Nothing was touched.`, [
      'Put the state back, or give the stack up.',
      `If the Pulumi CLI deployed it: pulumi destroy --stack ${stack}`,
      ...removeByHand(found, engines),
    ]);
  return { known: outputs !== undefined, found };
}

/** The embedded engine alone deploys profile local. @throws CommandError for a stack of it that this engine does not know */
export function refuseUnknownLocal(stack: string, { profile }: Pick<Config, 'profile'>): void {
  if (profile === 'local') throw new CommandError(`Stack ${stack} does not stand.`, [`\`npm run up${stackOption(stack)}\` stands it up.`]);
}

/** In the order in which Docker lets them go. */
export function removeByHand(inventory: Inventory, engines: readonly EngineAddress[]): string[] {
  const commands = { containers: 'docker rm -f', networks: 'docker network rm', volumes: 'docker volume rm', images: 'docker rmi' };
  const elsewhere = engines.filter((address) => address !== undefined);
  return [`Remove them by hand${elsewhere.length > 0 ? ` (they may be on ${elsewhere.join(' or ')})` : ''}:`, ...kinds.filter((kind) => inventory[kind].length > 0).map((kind) => `  ${commands[kind]} ${inventory[kind].join(' ')}`)];
}
