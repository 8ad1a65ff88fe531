import { readdirSync } from 'node:fs';
import type { EngineEvent } from '../../engine/index.ts';
import type { Deployer, Listed } from '../../deployers/deployer.ts';
import { embeddedDeployer } from '../../deployers/embedded.ts';
import type { Config } from '../../infra/config.ts';
import { UsageError } from '../errors.ts';
import { which } from '../machine.ts';
import { projectDirectory, readStackConfig, stateDirectory } from '../stack-file.ts';
import { type PreviewRecord, recordOf, unknownRecord } from './record.ts';
import { removeBegun } from './remove-begun.ts';

export interface Watching {
  onEvent?: (event: EngineEvent) => void;
  onLine?: (line: string) => void;
  signal?: AbortSignal;
}

export interface Known {
  readonly name: string;
  readonly record: PreviewRecord;
  /** `damaged`: what is noted of it cannot be read. */
  readonly state: Listed['state'] | 'damaged';
  readonly deployer: Deployer;
}

/** Who deploys a stack of this config: as the stack itself is deployed. */
export async function deployerFor({ profile }: Pick<Config, 'profile'>, watching: Watching = {}): Promise<Deployer> {
  return profile !== 'local' && (await which('pulumi')) ? pulumi(watching) : embedded(watching);
}

/** All who may have previews: the Pulumi CLI only where some stack is for it. */
export async function deployers(watching: Watching = {}): Promise<Deployer[]> {
  return [embedded(watching), ...((await which('pulumi')) && hasOtherStacks() ? [await pulumi(watching)] : [])];
}

const embedded = ({ onEvent, signal }: Watching) => embeddedDeployer({ projectDirectory, stateDirectory, onEvent, signal });

async function pulumi({ onLine, signal }: Watching): Promise<Deployer> {
  // Loaded late: it brings all of Pulumi along.
  const { pulumiDeployer } = await import('../../deployers/pulumi.ts');
  return pulumiDeployer({ projectDirectory, onLine, signal, remove: removeBegun });
}

function hasOtherStacks(): boolean {
  const stacks = readdirSync(projectDirectory).flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? []);
  return stacks.some((stack) => {
    try {
      return readStackConfig(stack).profile !== 'local';
    } catch {
      return false;
    }
  });
}

/** All previews, the oldest first. */
export async function knownPreviews(from: readonly Deployer[]): Promise<Known[]> {
  const found = await Promise.all(from.map(async (deployer) => (await deployer.list()).flatMap(({ name, notes, state }) => {
    if (!notes) return [];
    const record = recordOf(notes);
    return [record ? { name, record, state, deployer } : { name, record: unknownRecord, state: 'damaged' as const, deployer }];
  })));
  return found.flat().sort((one, other) => one.record.created.getTime() - other.record.created.getTime());
}

/**
 * The preview of a name.
 * @returns undefined where nothing has that name
 * @throws UsageError where a stack has it that is no preview
 */
export async function knownPreview(name: string, from: readonly Deployer[]): Promise<Known | undefined> {
  const known = (await knownPreviews(from)).find((preview) => preview.name === name);
  if (known) return known;
  const taken = (await Promise.all(from.map((deployer) => deployer.list()))).flat().some((stack) => stack.name === name);
  if (taken) throw new UsageError(`--name ${name} is taken by a stack that is no preview; nothing was touched. Choose another name.`);
  return undefined;
}
