import { createInterface } from 'node:readline/promises';
import type { WriteStream } from 'node:tty';
import { createProgress, type Progress } from './progress.ts';

/** Where a command talks to the person or the log file that reads it. */
export interface Terminal {
  readonly progress: Progress;
  say(line?: string): void;
  /** Asks a person; without one, or with `--yes`, the answer is yes. */
  confirm(question: string, byDefault: boolean): Promise<boolean>;
}

export interface TerminalOptions {
  /** Go ahead without asking. */
  yes?: boolean;
  /** The command's result is JSON on stdout, so everything else goes to stderr. */
  json?: boolean;
}

export function createTerminal({ yes = false, json = false }: TerminalOptions): Terminal {
  const stream: WriteStream = json ? process.stderr : process.stdout;
  const progress = createProgress({ stream, live: stream.isTTY === true && process.env.TERM !== 'dumb' });
  return {
    progress,
    say: (line = '') => progress.say(line),
    async confirm(question, byDefault) {
      if (yes || !process.stdin.isTTY || !stream.isTTY) return true;
      const prompt = createInterface({ input: process.stdin, output: stream });
      // Ctrl-C and Ctrl-D at a question mean no.
      const declined = new Promise<string>((resolve) => prompt.once('close', () => resolve('no')));
      const answer = await Promise.race([prompt.question(`${question} ${byDefault ? '[Y/n]' : '[y/N]'} `), declined]);
      prompt.close();
      return answer.trim() === '' ? byDefault : /^y(es)?$/i.test(answer.trim());
    },
  };
}
