import { CommandError } from './errors.ts';
import { stackOption } from './stack-name.ts';
import type { Terminal } from './terminal.ts';

/** One Ctrl-C reaches this process up to three times: from the terminal, from npm and from the launcher. In milliseconds. */
const SAME_KEYSTROKE = 1000;

/**
 * The first Ctrl-C (or SIGTERM) asks the work to stop where that is good; a second one ends the process.
 * @param words what becomes of the work, said at the first
 * @returns the signal to hand to the work
 */
export function abortOnInterrupt(terminal: Terminal, words: readonly string[]): AbortSignal {
  const controller = new AbortController();
  let first: number | undefined;
  const interrupt = () => {
    if (first !== undefined) {
      if (performance.now() - first > SAME_KEYSTROKE) process.exit(130);
      return;
    }
    first = performance.now();
    for (const line of words) terminal.say(line);
    controller.abort(new CommandError('Stopped.'));
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return controller.signal;
}

/** Of an engine that stops: it records where it is. */
export const stoppingEngine = (stack: string): string[] => [
  'Stopping … (Ctrl-C once more ends at once.) Both are safe:',
  `\`npm run up${stackOption(stack)}\` goes on from here, \`npm run down${stackOption(stack)}\` removes what is there.`,
];

/**
 * Enter, the end of the input, or a signal: then the command ends, by itself. Further signals change nothing, for they would keep
 * it from clearing up.
 */
export function untilEnded(terminal: Pick<Terminal, 'say'>): AbortSignal {
  const controller = new AbortController();
  const end = () => {
    if (!controller.signal.aborted) terminal.say('Ending …');
    controller.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  process.stdin.once('data', end).once('end', end);
  return controller.signal;
}
