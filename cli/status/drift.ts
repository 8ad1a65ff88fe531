import type { Config } from '../../infra/config.ts';
import { planOf } from '../drift/plan.ts';
import { projectDirectory, stateDirectory } from '../stack-file.ts';
import { isEngineError } from '../next-step.ts';
import type { Drift } from './facts.ts';

/** What differs from what the config says, as the embedded engine foresees it: `npm run drift` looks closer, and asks the Pulumi CLI. */
export async function findDrift(stack: string, config: Config | undefined, isOurs: boolean): Promise<Drift> {
  if (!isOurs) return { ask: `npm run drift -- --stack ${stack}` };
  if (!config) return { unknown: `Pulumi.${stack}.yaml is missing` };
  try {
    const { steps } = await planOf({ projectDirectory, stateDirectory, stack });
    return { steps: steps.map(({ action, type, name, reason }) => ({ action, type, name, ...(reason && { reason }) })) };
  } catch (error) {
    if (!isEngineError(error)) throw error;
    return { unknown: error.message };
  }
}
