import * as engine from '../engine/index.ts';
import type { Config } from '../infra/config.ts';
import { connectionText } from './connect.ts';
import { showEvents, summary } from './engine-progress.ts';
import { UsageError } from './errors.ts';
import { abortOnInterrupt, stoppingEngine } from './interrupt.ts';
import { withNextStep } from './next-step.ts';
import { prepare } from './prepare.ts';
import { duration } from './progress.ts';
import { projectDirectory, readStackConfig, stateDirectory } from './stack-file.ts';
import { completeOutputs, connectionOf } from './stack-outputs.ts';
import { enginesOf, knownEngines, readStandingStack } from './standing-stack.ts';
import { createTerminal } from './terminal.ts';

export interface StackCommandOptions {
  stack: string;
  yes?: boolean;
  json?: boolean;
}

/** Stands a stack up, or brings it to what its config and the program now say. */
export async function up({ stack, yes, json = false }: StackCommandOptions): Promise<void> {
  const config = readStackConfig(stack);
  refuseProduction(config, stack, 'up');
  const terminal = createTerminal({ yes, json });
  const signal = abortOnInterrupt(terminal, stoppingEngine(stack));
  try {
    // Other machines are prepared by a command of their own, and checked by the program.
    if (enginesOf(config).includes(undefined)) await prepare({ terminal, stack: { name: stack, config } });
    await readStandingStack(stack, knownEngines(stack, config));
    const work = engine.up({ projectDirectory, stateDirectory, stack, signal, onEvent: showEvents(terminal.progress) });
    const { changes, seconds, outputs, secretOutputs } = await withNextStep(work, { stack, command: 'up', signal });
    const complete = (await completeOutputs(stack, { outputs, secretOutputs })) ?? outputs;
    if (json) {
      console.log(JSON.stringify({ changes, seconds, outputs: complete }, null, 2));
      return;
    }
    terminal.say(`${summary(changes)} (${duration(seconds)}).`);
    terminal.say();
    for (const line of connectionText(connectionOf(complete), stack)) terminal.say(line);
  } finally {
    terminal.progress.close();
  }
}

/**
 * The embedded engine keeps its state in this folder only: good enough for a stack that may be lost.
 * @throws UsageError for profile `production`
 */
export function refuseProduction({ profile }: Pick<Config, 'profile'>, stack: string, command: 'up' | 'up --dry-run'): void {
  if (profile !== 'production') return;
  throw new UsageError(
    [
      `Stack ${stack} has the profile production, which \`npm run up\` does not deploy; nothing was touched.`,
      'Use the Pulumi CLI, with a state backend and secrets of your own:',
      `  pulumi stack select ${stack}   (or: pulumi stack init ${stack})`,
      `  pulumi ${command === 'up' ? 'up' : 'preview'}`,
    ].join('\n'),
  );
}
