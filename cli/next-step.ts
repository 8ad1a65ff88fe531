import { CommandError } from './errors.ts';
import { stackOption } from './stack-name.ts';

/**
 * Adds to an error of the engine, which names the cause and its remedy, how the stack gets whole again.
 * @throws CommandError in place of the engine's error; any other is handed on
 */
export async function withNextStep<T>(work: Promise<T>, { stack, command, signal }: { stack: string; command: 'up' | 'down'; signal: AbortSignal }): Promise<T> {
  try {
    return await work;
  } catch (error) {
    // Who interrupted the run has read it already.
    if (!isEngineError(error) || signal.aborted || !error.begun) throw error;
    const option = stackOption(stack);
    const again = `\`npm run ${command}${option}\` goes on where this run stopped`;
    throw new CommandError(error.message, [`When the cause is gone, ${command === 'up' ? `${again}; \`npm run down${option}\` removes what is there` : again}.`]);
  }
}

/** By name: the engine's class would cost each command the time to load the engine. */
export const isEngineError = (error: unknown): error is Error & { begun: boolean } => error instanceof Error && error.name === 'EngineError';
