import { chmodSync, chownSync, existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { writeDurably } from '../engine/files.ts';
import { UsageError } from './errors.ts';
import { projectDirectory, readStackConfig, stateDirectory } from './stack-file.ts';
import { stackOption } from './stack-name.ts';
import { setNumber } from './yaml-edit.ts';

const kinds = { 'signing-key': 'signingKey', database: 'database', applier: 'applier' } as const;

export interface RotateOptions {
  stack: string;
  json?: boolean;
  /** The folder of Pulumi.yaml. Default: the project's. */
  directory?: string;
}

/**
 * Raises the generation of a secret in a stack's config: the next `up`, of whichever engine, makes it anew.
 * @throws UsageError, ConfigError
 */
export function rotate(kind: string, { stack, json = false, directory = projectDirectory }: RotateOptions): void {
  if (!Object.hasOwn(kinds, kind)) throw new UsageError(`${kind} is nothing that can be rotated; there are: ${Object.keys(kinds).join(', ')}.`);
  const key = kinds[kind as keyof typeof kinds];
  const { rotation, profile } = readStackConfig(stack, directory);
  const generation = rotation[key] + 1;
  // Where it is a link, the file that it leads to.
  const file = realpathSync(join(directory, `Pulumi.${stack}.yaml`));
  replace(file, raised(readFileSync(file, 'utf8'), key, generation, file));
  const up = profile === 'production' ? `pulumi up --stack ${stack}` : `npm run up${stackOption(stack)}`;
  // Who deploys with the Pulumi CLI has the state elsewhere.
  if (profile !== 'production' && !existsSync(join(stateDirectory, `${stack}.json`)))
    console.error(`Stack ${stack} was never stood up from here, so there is nothing to make anew yet. If you mean another stack, name it with --stack, and take the change in ${file} back.`);
  if (json) console.log(JSON.stringify({ stack, kind, generation, next: up }, null, 2));
  else console.log(`drawbridge:rotation.${key} of stack ${stack} is ${generation} now. To make it so: ${up}`);
}

function raised(text: string, key: string, generation: number, file: string): string {
  const name = parseDocument(text).hasIn(['config', 'rotation']) ? 'rotation' : 'drawbridge:rotation';
  try {
    return setNumber(text, ['config', name, key], generation);
  } catch {
    // An alias, for example: what it stands for may mean more than this.
    throw new UsageError(`\`${name}\` is not written out as a map in ${file}: set its \`${key}\` to ${generation} by hand.`);
  }
}

/** The file may hold tokens: who owned and could read it still does, and nobody else, even where root rotates. */
function replace(file: string, text: string): void {
  const { mode, uid, gid } = statSync(file);
  writeDurably(file, text);
  if (process.getuid?.() === 0) chownSync(file, uid, gid);
  chmodSync(file, mode & 0o777);
}
