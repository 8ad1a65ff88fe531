import * as engine from '../../engine/index.ts';

export type Step = Extract<engine.EngineEvent, { kind: 'planned' | 'started' | 'finished' }>;

/** What the embedded engine would do with a stack, and what the program wants of each resource. */
export interface Plan {
  /** Without what stays as it is. */
  steps: Step[];
  /** With secrets, in plain text. */
  wanted: readonly engine.Wanted[];
}

/** Touches nothing. @throws EngineError */
export async function planOf(options: engine.StackOptions): Promise<Plan> {
  const steps: Step[] = [];
  const onEvent = (event: engine.EngineEvent) => void (event.kind === 'planned' && event.action !== 'same' && steps.push(event));
  const { wanted } = await engine.preview({ ...options, onEvent });
  return { steps, wanted };
}
