import { stripVTControlCharacters } from 'node:util';
import { checkbox, confirm, input, password, select } from '@inquirer/prompts';
import { Wrong } from './wrong.ts';

export interface TextQuestion {
  message: string;
  /** What Enter alone means. */
  byDefault?: string;
  /** @throws Wrong */
  read?: (text: string) => unknown;
}

export interface Choice<Value> {
  value: Value;
  name: string;
}

export type Prompts = ReturnType<typeof promptsOn>;

/** Questions to the person at a terminal. @param output where they are shown */
export function promptsOn(output: NodeJS.WritableStream) {
  const context = { output };
  return {
    say: (line = ''): void => void output.write(`${stripVTControlCharacters(line)}\n`),
    text: async ({ message, byDefault, read }: TextQuestion): Promise<string> => (await input({ message, default: byDefault, validate: (text) => verdict(text.trim(), read) }, context)).trim(),
    /** The answer is not shown. */
    secret: async (message: string): Promise<string> => (await password({ message, mask: '*' }, context)).trim(),
    choose: <Value>(message: string, choices: readonly Choice<Value>[], byDefault?: Value): Promise<Value> => select({ message, choices, default: byDefault }, context),
    /** One of them at least, unless none will do. */
    several: <Value>(message: string, choices: readonly (Choice<Value> & { checked?: boolean })[], required = true): Promise<Value[]> => checkbox({ message, choices, required }, context),
    yes: (message: string, byDefault: boolean): Promise<boolean> => confirm({ message, default: byDefault }, context),
  };
}

function verdict(text: string, read: TextQuestion['read']): true | string {
  try {
    read?.(text);
    return true;
  } catch (error) {
    if (error instanceof Wrong) return error.message;
    throw error;
  }
}
