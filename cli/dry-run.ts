import * as engine from '../engine/index.ts';
import { planLine, summary } from './engine-progress.ts';
import { requireEngine } from './prepare.ts';
import { projectDirectory, readStackConfig, stateDirectory } from './stack-file.ts';
import { knownEngines, readStandingStack } from './standing-stack.ts';
import { refuseProduction, type StackCommandOptions } from './up.ts';

/** Shows what `up` would do. Touches nothing. */
export async function dryRun({ stack, json = false }: StackCommandOptions): Promise<void> {
  const config = readStackConfig(stack);
  refuseProduction(config, stack, 'up --dry-run');
  const engines = knownEngines(stack, config);
  if (engines.includes(undefined)) await requireEngine();
  await readStandingStack(stack, engines);
  const planned: engine.EngineEvent[] = [];
  const { changes } = await engine.preview({ projectDirectory, stateDirectory, stack, onEvent: (event) => void planned.push(event) });
  for (const event of planned) if (event.kind === 'log' && event.severity === 'warning') console.warn(event.message);
  if (json) {
    const steps = planned.flatMap((event) => (event.kind === 'planned' && event.action !== 'same' ? [{ action: event.action, type: event.type, name: event.name, reason: event.reason }] : []));
    console.log(JSON.stringify({ changes, steps }, null, 2));
    return;
  }
  for (const event of planned) {
    const line = planLine(event);
    if (line) console.log(line);
  }
  console.log(`${summary(changes, 'plan')}. Nothing was touched.`);
}
