import * as engine from '../engine/index.ts';
import { plainJson } from '../host/plain.ts';
import type { Config } from '../infra/config.ts';
import { connectionText } from './connect.ts';
import { handMade } from './drift/look.ts';
import { showEvents, summary } from './engine-progress.ts';
import { UsageError } from './errors.ts';
import { abortOnInterrupt, stoppingEngine } from './interrupt.ts';
import { withNextStep } from './next-step.ts';
import { prepare } from './prepare.ts';
import { duration } from './progress.ts';
import { projectDirectory, readStackConfig, stateDirectory } from './stack-file.ts';
import { stackOption } from './stack-name.ts';
import { completeOutputs, connectionOf } from './stack-outputs.ts';
import { enginesOf, knownEngines, readStandingStack } from './standing-stack.ts';
import { createTerminal } from './terminal.ts';
import { verifySubject } from './verify.ts';

export interface StackCommandOptions {
  stack: string;
  yes?: boolean;
  json?: boolean;
  /** Looks at what was changed by hand in the realm, the front and DNS as well, and sets it so again. */
  refresh?: boolean;
}

/**
 * Stands a stack up, or brings it to what its config and the program now say, and looks at it as its clients do.
 * @returns the exit code: 1 where it stands, and clients would not get on with it
 */
export async function up({ stack, yes, json = false, refresh = false, verify = true }: StackCommandOptions & { verify?: boolean }): Promise<0 | 1> {
  const config = readStackConfig(stack);
  refuseProduction(config, stack, 'up');
  const terminal = createTerminal({ yes, json });
  const signal = abortOnInterrupt(terminal, stoppingEngine(stack));
  try {
    // Other machines are prepared by a command of their own, and checked by the program.
    if (enginesOf(config).includes(undefined)) await prepare({ terminal, stack: { name: stack, config } });
    const { known } = await readStandingStack(stack, knownEngines(stack, config));
    const options = { projectDirectory, stateDirectory, stack, signal };
    const work = engine.up({ ...options, onEvent: showEvents(terminal.progress), ...(refresh && { refresh: known ? await handMade(options, config) : {} }) });
    const { changes, seconds, outputs, secretOutputs } = await withNextStep(work, { stack, command: 'up', signal });
    const complete = (await completeOutputs(stack, { outputs, secretOutputs })) ?? outputs;
    terminal.say(`${summary(changes)} (${duration(seconds)}).`);
    terminal.progress.close();
    // Waiting for a keep-alive would be most of it.
    const report = verify ? await verifySubject({ stack, config, outputs: complete }, { silence: 'none', json, onlyProblems: true }) : undefined;
    if (json) console.log(plainJson({ changes, seconds, outputs: complete, ...(report && { verify: report }) }));
    else for (const line of ['', ...connectionText(connectionOf(complete), stack)]) terminal.say(line);
    if (report?.ok === false) for (const line of ['', 'The stack stands and was left as it is, but clients would not get on with it: see above.', `When that is put right: npm run verify${stackOption(stack)}`]) terminal.say(line);
    return report?.ok === false ? 1 : 0;
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
