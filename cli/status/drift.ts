import * as engine from '../../engine/index.ts';
import type { Config } from '../../infra/config.ts';
import { projectDirectory, stateDirectory } from '../stack-file.ts';
import { isEngineError } from '../next-step.ts';
import type { Drift } from './facts.ts';

/** What differs from what the config says. The embedded engine foresees it; of a stack that the Pulumi CLI deployed, that one knows. */
export async function findDrift(stack: string, config: Config | undefined, isOurs: boolean): Promise<Drift> {
  if (!isOurs) return { ask: `pulumi preview --refresh --diff --stack ${stack}` };
  if (!config) return { unknown: `Pulumi.${stack}.yaml is missing` };
  const steps: Extract<Drift, { steps: unknown }>['steps'] = [];
  try {
    await engine.preview({
      projectDirectory,
      stateDirectory,
      stack,
      onEvent: (event) => {
        if (event.kind === 'planned' && event.action !== 'same') steps.push({ action: event.action, type: event.type, name: event.name, ...(event.reason && { reason: event.reason }) });
      },
    });
    return { steps };
  } catch (error) {
    if (!isEngineError(error)) throw error;
    return { unknown: error.message };
  }
}
