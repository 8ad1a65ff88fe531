import { ConfigError } from '../infra/config.ts';
import { CommandError, UsageError } from './errors.ts';
import { configOf, secretsOf, wholeConfig } from './init/answers.ts';
import { descriptions, readStackFile, valuesIn, withConfig, writeStackFile } from './init/file.ts';
import type { Flags } from './init/flags.ts';
import { askPerson, readFlags, Unanswered, Unfounded } from './init/interview.ts';
import { nextLines, nextSteps } from './init/next.ts';
import { promptsOn } from './init/prompts.ts';
import { projectDirectory } from './stack-file.ts';

export interface InitOptions extends Flags {
  stack: string;
  yes?: boolean;
  force?: boolean;
  /** Print the file, and write nothing. */
  dryRun?: boolean;
  skipChecks?: boolean;
  json?: boolean;
  /** The folder of Pulumi.yaml. Default: the project's. */
  directory?: string;
  /** Whether a person is there to answer. Default: where a terminal is. */
  person?: boolean;
}

/**
 * Asks what a stack needs, checks each answer, and writes its config.
 * @throws UsageError, ConfigError, CommandError; nothing was written then
 */
export async function init(options: InitOptions): Promise<void> {
  try {
    await write(options);
  } catch (error) {
    if (options.json && (error instanceof Unanswered || error instanceof Unfounded || error instanceof ConfigError)) {
      const { problems, missing = [] } = error as { problems: readonly unknown[]; missing?: readonly string[] };
      console.log(JSON.stringify({ ok: false, stack: options.stack, missing, problems }, null, 2));
    }
    throw error;
  }
}

async function write({ stack, yes = false, force = false, dryRun = false, skipChecks, json = false, directory = projectDirectory, person, ...flags }: InitOptions): Promise<void> {
  // The result is on stdout: the file, or JSON.
  const output = json || dryRun ? process.stderr : process.stdout;
  const asks = person ?? (!yes && process.stdin.isTTY === true && output.isTTY === true);
  const prompts = promptsOn(output);
  const { say } = prompts;
  const file = readStackFile(directory, stack);
  const before = valuesIn(file);
  // What a stack has without a config: secrets that were set, and how often they were made anew.
  if (Object.keys(before).some((key) => key !== 'secrets' && key !== 'rotation') && !force && !dryRun) {
    const taken = `${file.path} has a config already.`;
    if (!asks) throw new UsageError(`${taken} Nothing was touched: name another stack with --stack, or replace it with --force (what init does not ask for stays, as do its secrets).`);
    if (!(await stoppable(prompts.yes(`${taken} Replace it? (what is not asked for stays, as do its secrets)`, false)))) throw new CommandError('Stopped; nothing was written.');
  }
  if (asks) say(`The config of the stack ${stack} (--stack NAME: of another).`);
  const { answers, notes } = asks ? await stoppable(askPerson({ stack, flags, before, skipChecks }, prompts)) : await readFlags({ stack, flags, before, skipChecks });
  const raw = configOf(answers, before);
  const config = wholeConfig(answers, before);
  const kept = Object.keys(before).filter((key) => !(key in raw));
  const dropped = Object.keys(before).filter((key) => key in raw && raw[key] === undefined);
  const text = withConfig(file, raw, descriptions(directory));
  if (!dryRun) writeStackFile(file, text);
  const next = nextSteps(stack, answers, config);
  if (json) return console.log(JSON.stringify({ ok: true, stack, file: file.path, written: !dryRun, config: raw, kept, dropped, notes, secrets: secretsOf(answers).map(({ name }) => name), next }, null, 2));
  if (dryRun) console.log(text.trimEnd());
  say();
  say(dryRun ? `${file.path} would be as above; nothing was written.` : `${file.path} is written.`);
  if (kept.length > 0) say(`  kept as they were: ${kept.join(', ')}`);
  if (dropped.length > 0) say(`  no longer there: ${dropped.join(', ')}`);
  for (const note of asks ? [] : notes) say(`  note: ${note}`);
  say();
  for (const line of nextLines(next)) say(line);
}

/** Ctrl-C at a question. */
async function stoppable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw (error as Error).name === 'ExitPromptError' ? new CommandError('Stopped; nothing was written.') : error;
  }
}
