import { Command, CommanderError } from 'commander';
import { ConfigError } from '../infra/config.ts';
import { CommandError, UsageError } from './errors.ts';
import { isEngineError } from './next-step.ts';
import { checkStackName, DEFAULT_STACK } from './stack-name.ts';
import type { StackCommandOptions } from './up.ts';

/** 0 done; 1 failed: what, where and what next are on stderr; 2 wrong use or config: nothing was touched. */
export type ExitCode = 0 | 1 | 2;

/** Runs one command. Each loads its own code, so that the quick ones stay quick. */
export async function main(args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = 0;
  try {
    await build((value) => (code = value)).parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    return report(error);
  }
}

/** What `--help` says: `summary` in the list of commands, all of it for the command itself. */
interface Words {
  summary: string;
  more?: string;
  examples: string[];
}

/** @param exit called by a command that ends with a code of its own */
function build(exit: (code: ExitCode) => void): Command {
  const program = new Command('npm run')
    .description('Drawbridge: an MCP server behind real OAuth. Commands are given as: npm run COMMAND -- OPTIONS')
    .exitOverride()
    .showHelpAfterError('Add --help for what is possible.');

  const command = (name: string, { summary, more = '', examples }: Words) =>
    program
      .command(name)
      .summary(summary)
      .description(`${summary}.${more && ` ${more}`}`)
      .addHelpText('after', `\nExamples:\n${examples.map((example) => `  ${example}`).join('\n')}`);
  const onStack = (name: string, words: Words) =>
    command(name, words)
      .option('--stack <name>', 'stack, configured in Pulumi.<name>.yaml', DEFAULT_STACK)
      .hook('preAction', (action) => void checkStackName(action.opts<{ stack: string }>().stack));
  const yes = ['-y, --yes', 'go ahead without asking'] as const;
  const json = ['--json', 'print the result as JSON on stdout, everything else on stderr'] as const;

  onStack('up', {
    summary: 'Stands a stack up, or brings it to what its config now says',
    more: 'Prepares what the machine lacks (a Docker engine), and says so first. For profiles local and preview; production is deployed with `pulumi up`.',
    examples: ['npm run up', 'npm run up -- --stack dev --yes', 'npm run --silent up -- --json'],
  })
    .option(...yes)
    .option(...json)
    .action(async (options: StackCommandOptions) => (await import('./up.ts')).up(options));

  onStack('down', {
    summary: 'Removes all of a stack',
    more: 'That is: containers, networks, volumes with their data, its own images, its state. Base images and the Docker engine stay. Says what will go and, where a person is at the terminal, asks.',
    examples: ['npm run down', 'npm run down -- --stack dev --yes'],
  })
    .option(...yes)
    .option(...json)
    .action(async (options: StackCommandOptions) => (await import('./down.ts')).down(options));

  onStack('preview', {
    summary: 'Shows what `up` would do, and touches nothing',
    examples: ['npm run preview', 'npm run --silent preview -- --json'],
  })
    .option(...json)
    .action(async (options: StackCommandOptions) => (await import('./preview.ts')).preview(options));

  onStack('outputs', {
    summary: 'Prints the outputs of a stack: URLs, CA certificate, test user',
    more: 'The test user’s password is printed too, with and without --json: scripts sign in with it.',
    examples: ['npm run outputs', 'npm run --silent outputs -- --json', 'npm run --silent outputs -- caCertificate > drawbridge-ca.pem'],
  })
    .argument('[name]', 'print only this output: text as it is, anything else as JSON')
    .option(...json)
    .action(async (name: string | undefined, options: StackCommandOptions) => (await import('./outputs.ts')).outputs({ ...options, name }));

  onStack('check-config', {
    summary: 'Checks a stack’s config: the URLs it leads to, or every problem at once',
    more: 'Touches nothing.',
    examples: ['npm run check-config', 'npm run check-config -- --stack production', 'npm run --silent check-config -- --json'],
  })
    .option(...json)
    .action(async (options: StackCommandOptions) => (await import('./check-config.ts')).checkConfig(options));

  command('test', {
    summary: 'Runs every test there is',
    more: 'First tsc and eslint, then unit tests, then tests against a stack of its own, which it removes. Filters and options that it does not know are handed on to vitest; tsc and eslint are then left out. The last line is `N passed, N failed`.',
    examples: ['npm test', 'npm test -- --project unit', 'npm test -- test/unit/config.test.ts -t "every problem"', 'npm run test:cli'],
  })
    .argument('[filters...]', 'vitest’s filters and options')
    .option('--cli', 'only the end-to-end tests, against a stack that the Pulumi CLI on the PATH stands up')
    .option(...yes)
    .allowUnknownOption()
    .action(async (filters: string[], options: { cli?: boolean; yes?: boolean }) => exit(await (await import('./test.ts')).test(filters, options)));

  command('bench', {
    summary: 'Measures, and prints figures',
    more: 'Stands up a stack of its own, and removes it. Without a name: lists the benches.',
    examples: ['npm run bench', 'npm run --silent bench -- up --json'],
  })
    .argument('[name]', 'which bench')
    .option(...json)
    .action(async (name: string | undefined, options: { json?: boolean }) => {
      const { names, run } = await import('../bench/index.ts');
      if (name === undefined) console.log(names.join('\n'));
      else await run(name, { json: options.json ?? false });
    });

  return program;
}

function report(error: unknown): ExitCode {
  // Commander has printed its own.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof ConfigError || error instanceof UsageError) {
    console.error(error.message);
    return 2;
  }
  if (error instanceof CommandError) console.error([error.message, ...error.next].join('\n'));
  else if (isEngineError(error)) console.error(error.message);
  // Anything else is a mistake of ours: where it happened is what helps.
  else console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return 1;
}
