import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { z } from 'zod';
import * as engine from '../../engine/index.ts';
import type { Config } from '../../infra/config.ts';
import { CommandError, UsageError } from '../errors.ts';
import { passphraseNeeded } from '../passphrase.ts';
import { projectDirectory, readStackConfig, stateDirectory } from '../stack-file.ts';
import { completeOutputs } from '../stack-outputs.ts';
import { stackOption } from '../stack-name.ts';
import { refuseUnknownLocal } from '../standing-stack.ts';
import type { Subject } from './run.ts';

/**
 * The config of a stack, and the outputs of its last deployment, whoever made it.
 * @param file where outputs are, as `pulumi stack output --json --show-secrets` prints them; `-`: stdin. Default: the embedded engine's
 * state, or the Pulumi CLI where that engine knows no such stack
 * @throws CommandError where there are none, UsageError where a file has none
 */
export async function readSubject(stack: string, file?: string): Promise<Subject> {
  const config = readStackConfig(stack);
  if (file !== undefined) return { stack, config, outputs: await outputsFrom(file) };
  const ours = await completeOutputs(stack, await engine.outputs({ projectDirectory, stateDirectory, stack }));
  if (!ours) refuseUnknownLocal(stack, config);
  return { stack, config, outputs: ours ?? (await outputsOfPulumi(stack, config)) };
}

async function outputsFrom(file: string): Promise<Subject['outputs']> {
  const where = file === '-' ? 'stdin' : file;
  let content: string;
  try {
    content = file === '-' ? await text(process.stdin) : readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`--outputs ${file} cannot be read: ${(error as Error).message}`);
  }
  return parsed(content) ?? Promise.reject(new UsageError(`${where} holds no outputs: it must be what \`pulumi stack output --json --show-secrets\` or \`npm run --silent outputs -- --json\` prints.`));
}

/** Who brings up a stack of a profile. */
const upOf = (profile: Config['profile'], stack: string): string => (profile === 'production' ? `\`pulumi up --stack ${stack}\`` : `\`npm run up${stackOption(stack)}\``);

/** Asks the Pulumi CLI, with the backend and the passphrase that its user has in the environment. @throws CommandError where it has none */
export async function outputsOfPulumi(stack: string, { profile }: Pick<Config, 'profile'>): Promise<Subject['outputs']> {
  const asked = `pulumi stack output --json --show-secrets --stack ${stack}`;
  // Secrets come back over a pipe: they are in no argument, and nothing of this is printed.
  const answer = await promisify(execFile)('pulumi', asked.split(' ').slice(1), { cwd: projectDirectory, maxBuffer: 8 * 1024 * 1024 }).catch((error: NodeJS.ErrnoException & { stderr?: string }) => error);
  const outputs = answer instanceof Error ? undefined : parsed(answer.stdout);
  if (outputs) return outputs;
  const why = answer instanceof Error ? (answer.code === 'ENOENT' ? 'there is no pulumi on the PATH' : (answer.stderr ?? answer.message).trim()) : `it has none of a stack that stands: ${upOf(profile, stack)}`;
  throw new CommandError(`Stack ${stack} was not deployed by \`npm run up\` from here, and its outputs could not be had from Pulumi: ${why}`, [
    ...passphraseNeeded(why),
    `Where it does not stand yet: ${upOf(profile, stack)}. Or hand the outputs over: ${asked} | npm run verify${stackOption(stack) || ' --'} --outputs -`,
  ]);
}

/** What every stack gives. */
const shape = z.looseObject({ resources: z.record(z.string(), z.looseObject({ url: z.string() })) });

function parsed(content: string): Subject['outputs'] | undefined {
  try {
    return shape.safeParse(JSON.parse(content)).data;
  } catch {
    return undefined;
  }
}
