import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as engine from '../engine/index.ts';
import { type Inventory, listStack } from './docker.ts';
import { showEvents, summary } from './engine-progress.ts';
import { CommandError, UsageError } from './errors.ts';
import { abortOnInterrupt, stoppingEngine } from './interrupt.ts';
import { withNextStep } from './next-step.ts';
import { requireEngine } from './prepare.ts';
import { deployerFor, knownPreviews } from './previews/known.ts';
import { duration } from './progress.ts';
import { projectDirectory, readStackConfig, stateDirectory } from './stack-file.ts';
import { count, kinds, knownEngines, readStandingStack, removeByHand } from './standing-stack.ts';
import { createTerminal } from './terminal.ts';
import type { StackCommandOptions } from './up.ts';

/** Removes a stack: first says what will go, and at the end what is gone. Needs no stack file. */
export async function down({ stack, yes, json = false }: StackCommandOptions): Promise<void> {
  const terminal = createTerminal({ yes, json });
  const engines = knownEngines(stack);
  if (engines.includes(undefined)) await requireEngine();
  const options = { projectDirectory, stateDirectory, stack };
  // A stack without a state here is one that the Pulumi CLI has deployed. It comes first: what else is to be said of parts
  // without a state would have people delete their data by hand.
  if (!existsSync(join(stateDirectory, `${stack}.json`))) refuseProduction(stack);
  await refusePreviews(stack);
  const { known, found } = await readStandingStack(stack, engines);
  if (!known) {
    if (json) console.log(JSON.stringify({ removed: found, left: found }, null, 2));
    else terminal.say(`Stack ${stack} does not stand; there is nothing to remove.`);
    return;
  }

  terminal.say(`This removes stack ${stack}:`);
  for (const line of inventoryLines(found)) terminal.say(line);
  if (found.volumes.length > 0) terminal.say('The volumes go with all data in them: users, their passwords and their sign-ins.');
  if (!(await terminal.confirm('Remove it?', false))) throw new CommandError('Stopped; nothing was removed.');

  const signal = abortOnInterrupt(terminal, stoppingEngine(stack));
  try {
    const work = engine.down({ ...options, signal, onEvent: showEvents(terminal.progress) });
    const { changes, seconds } = await withNextStep(work, { stack, command: 'down', signal });
    const left = await listStack(stack, engines);
    if (count(left) > 0) throw new CommandError(`Stack ${stack} was removed, but parts of it are left.`, removeByHand(left, engines));
    if (json) {
      console.log(JSON.stringify({ changes, seconds, removed: found, left }, null, 2));
      return;
    }
    terminal.say(`${summary(changes)} (${duration(seconds)}). Nothing of stack ${stack} is left; base images and the Docker engine stay.`);
  } finally {
    terminal.progress.close();
  }
}

/** @throws UsageError for a preview, of which more would have to go, and for a stack in whose Keycloak previews have their realms: nobody could sign in to them any more */
async function refusePreviews(stack: string): Promise<void> {
  const previews = await knownPreviews([await deployerFor({ profile: 'local' })]);
  if (previews.some(({ name }) => name === stack)) throw new UsageError(`Stack ${stack} is a preview; nothing was touched. It goes with its notes and its config: npm run preview -- down --name ${stack}`);
  const needing = previews.filter(({ record }) => record.keycloakOf === stack).map(({ name }) => name);
  if (needing.length > 0) throw new UsageError([`Stack ${stack} has the realms of previews in its Keycloak; nothing was touched. Take these down first:`, ...needing.map((name) => `  npm run preview -- down --name ${name}`)].join('\n'));
}

/** @throws UsageError for a stack that the Pulumi CLI deploys: what people do next must not cost them their data */
export function refuseProduction(stack: string, directory = projectDirectory): void {
  if (profileOf(stack, directory) !== 'production') return;
  throw new UsageError(
    [
      `Stack ${stack} has the profile production, which \`npm run down\` does not remove; nothing was touched.`,
      'Its database, its ACME account and the data of its servers are protected. Save them, take the protection off, and remove it with the Pulumi CLI:',
      `  pulumi stack select ${stack}`,
      `  npm run backup -- --stack ${stack} --to drawbridge-${stack}.age`,
      '  pulumi state unprotect --all',
      '  pulumi destroy',
    ].join('\n'),
  );
}

/** Undefined where the stack has no file, or one that is wrong by now: it can be removed all the same. */
function profileOf(stack: string, directory: string): string | undefined {
  try {
    return readStackConfig(stack, directory).profile;
  } catch {
    return undefined;
  }
}

function inventoryLines(inventory: Inventory): string[] {
  return kinds.filter((kind) => inventory[kind].length > 0).map((kind) => `  ${kind.padEnd(10)}  ${inventory[kind].join(' ')}`);
}
