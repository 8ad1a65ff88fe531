import { stackOption } from './stack-name.ts';
import type { Terminal } from './terminal.ts';

/** One Ctrl-C reaches this process up to three times: from the terminal, from npm and from the launcher. In milliseconds. */
const SAME_KEYSTROKE = 1000;

/**
 * The first Ctrl-C (or SIGTERM) asks the engine to stop and to record where it is; a second one ends the process.
 * @returns the signal to hand to the engine
 */
export function abortOnInterrupt(terminal: Terminal, stack: string): AbortSignal {
  const controller = new AbortController();
  let first: number | undefined;
  const interrupt = () => {
    if (first !== undefined) {
      if (performance.now() - first > SAME_KEYSTROKE) process.exit(130);
      return;
    }
    first = performance.now();
    const option = stackOption(stack);
    terminal.say('Stopping … (Ctrl-C once more ends at once.) Both are safe:');
    terminal.say(`\`npm run up${option}\` goes on from here, \`npm run down${option}\` removes what is there.`);
    controller.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return controller.signal;
}
