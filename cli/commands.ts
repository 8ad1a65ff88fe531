import { Argument, Command } from 'commander';
import type { BackupOptions } from './backup.ts';
import type { DoctorOptions } from './doctor.ts';
import type { Action, HostOptions } from './host-command.ts';
import type { InitOptions } from './init.ts';
import { flags } from './init/flags.ts';
import type { ExitCode } from './main.ts';
import type { UpOptions as PreviewUpOptions } from './preview.ts';
import { LONGEST } from './previews/name.ts';
import type { RestoreOptions } from './restore.ts';
import { checkStackName, DEFAULT_STACK } from './stack-name.ts';
import { refuseSwallowed } from './swallowed.ts';
import type { StackCommandOptions } from './up.ts';
import type { VerifyOptions } from './verify.ts';

/** What `--help` says: `summary` in the list of commands, all of it for the command itself. */
interface Words {
  summary: string;
  more?: string;
  examples: string[];
}

/** All commands. Each loads its own code, so that the quick ones stay quick. @param exit called by one that ends with a code of its own; name of the program, for help */
export function commands(exit: (code: ExitCode) => void, name = 'npm run'): Command {
  const program = new Command(name)
    .description('Drawbridge: an MCP server behind real OAuth. Commands are given as: npm run COMMAND -- OPTIONS')
    .exitOverride()
    .hook('preAction', (_, called) => refuseSwallowed(called))
    .showHelpAfterError('Add --help for what is possible.');

  const command = (name: string, { summary, more = '', examples }: Words) =>
    program
      .command(name)
      .summary(summary)
      .description(`${summary}.${more && ` ${more}`}`)
      .addHelpText('after', `\nExamples:\n${examples.map((example) => `  ${example}`).join('\n')}`);
  const onStack = (name: string, words: Words, stack = DEFAULT_STACK) =>
    command(name, words)
      .option('--stack <name>', 'stack, configured in Pulumi.<name>.yaml', stack)
      .hook('preAction', (stacked) => void checkStackName(stacked.opts<{ stack: string }>().stack));
  const yes = ['-y, --yes', 'go ahead without asking'] as const;
  const json = ['--json', 'print the result as JSON on stdout, everything else on stderr'] as const;

  onStack('up', {
    summary: 'Stands a stack up, or brings it to what its config now says',
    more: 'Prepares what this machine lacks (a Docker engine), and says so first; others are prepared by `npm run host -- prepare`. Then looks at the stack as its clients do (see verify): exit code 1 where it stands and something is wrong with it. For profiles local and preview; production is deployed with `pulumi up`.',
    examples: ['npm run up', 'npm run up -- --stack dev --yes', 'npm run up -- --dry-run', 'npm run --silent up -- --json'],
  })
    .option('--dry-run', 'only say what would be done, and touch nothing')
    .option(...yes)
    .option('--refresh', 'look at what was changed by hand as well (npm run drift), and set it so again')
    .option(...json)
    .option('--no-verify', 'do not look at the stack when it stands')
    .action(async ({ dryRun, ...options }: StackCommandOptions & { dryRun?: boolean; verify: boolean }) =>
      dryRun ? (await import('./dry-run.ts')).dryRun(options) : exit(await (await import('./up.ts')).up(options)),
    );

  onStack('down', {
    summary: 'Removes all of a stack',
    more: 'That is: containers, networks, volumes with their data, its own images, its state. Base images and the Docker engine stay. Says what will go and, where a person is at the terminal, asks.',
    examples: ['npm run down', 'npm run down -- --stack dev --yes'],
  })
    .option(...yes)
    .option(...json)
    .action(async (options: StackCommandOptions) => (await import('./down.ts')).down(options));

  const preview = command('preview', {
    summary: 'Stacks that come and go: one for a pull request, for example',
    more: 'Each is a stack of its own, made from the config of another one, with its own host name, secrets and data, and a limit on its lifetime.',
    examples: ['npm run preview -- up --name pr-123', 'npm run preview -- up --name pr-123 --share-keycloak shared --lifetime 24h', 'npm run preview -- list', 'npm run preview -- down --name pr-123', 'npm run preview -- sweep --older-than 72h --dry-run'],
  });
  const previewCommand = (name: string, summary: string) => preview.command(name).description(summary).option(...json);
  const named = ['--name <name>', `lower-case letters, digits and dashes, at most ${LONGEST}`] as const;
  previewCommand('up', 'Brings a preview up, or up to date: what is not said stays as it is.')
    .requiredOption(...named)
    .option('--from <stack>', 'stack whose config it is made from (default: preview where there is Pulumi.preview.yaml, else local)')
    .option('--share-keycloak <stack>', 'have a realm in the Keycloak of that stack, which has drawbridge:previewRealms, in place of a Keycloak of its own')
    .option('--lifetime <time>', 'how long until a sweep takes it: 90m, 24h, 14d (default: 72h)')
    .option('--keep', 'no sweep takes it')
    .option('--no-keep', 'a sweep may take it again')
    .option('--ref <ref>', 'what it shows, to be listed with it (default: branch and commit of the working copy)')
    .option(...yes)
    .action(async (options: PreviewUpOptions) => (await import('./preview.ts')).previewUp(options));
  previewCommand('down', 'Takes a preview down, and gives a receipt of what was removed, and is gone. Exit code 1 where something is left.')
    .requiredOption(...named)
    .action(async (options: { name: string; json?: boolean }) => (await import('./preview.ts')).previewDown(options));
  previewCommand('list', 'Lists the previews. Touches nothing.')
    .action(async (options: { json?: boolean }) => (await import('./preview.ts')).previewList(options));
  previewCommand('sweep', 'Takes down all previews that are past their lifetime, but those that are kept. Goes on past one that fails; then the exit code is 1.')
    .option('--older-than <time>', 'those as well that are older than this: 72h')
    .option('--dry-run', 'only say what would be taken')
    .action(async (options: { olderThan?: string; dryRun?: boolean; json?: boolean }) => (await import('./preview.ts')).previewSweep(options));

  onStack('outputs', {
    summary: 'Prints the outputs of a stack: URLs, CA certificate, test user',
    more: 'The test user’s password is printed too, with and without --json: scripts sign in with it.',
    examples: ['npm run outputs', 'npm run --silent outputs -- --json', 'npm run --silent outputs -- caCertificate > drawbridge-ca.pem'],
  })
    .argument('[name]', 'print only this output: text as it is, anything else as JSON')
    .option(...json)
    .action(async (name: string | undefined, options: StackCommandOptions) => (await import('./outputs.ts')).outputs({ ...options, name }));

  onStack('status', {
    summary: 'Says what of a stack runs where, and what is wrong with it',
    more: 'Containers, versions, certificate, firewall, disk, last backup, and what differs from its config; each problem with what to do about it. Exit code 1 where there is one. Touches nothing.',
    examples: ['npm run status', 'npm run status -- --stack prod', 'npm run --silent status -- --stack prod --json'],
  })
    .option(...json)
    .action(async (options: { stack: string; json?: boolean }) => exit(await (await import('./status.ts')).status(options)));

  const repeated = (value: string, before: string[] = []) => [...before, value];
  const first = onStack('init', {
    summary: 'Asks what a real deploy needs, checks each answer, and writes the stack’s config',
    more: 'Looks at the machine by SSH, at DNS and at Cloudflare, and changes nothing there. Every answer can be given as a flag; without a terminal, or with --yes, nothing is asked. Secrets are not written: it prints the commands that set them. CLOUDFLARE_API_TOKEN: what to ask Cloudflare with.',
    examples: ['npm run init', 'npm run init -- --stack prod --tier host --deploy ssh://deploy@mcp.example.org --host mcp.example.org --server builtin --user ann=ann@example.org', 'npm run --silent init -- --tier tunnel --deploy local --host mcp.example.org --cloudflare-account 0123456789abcdef0123456789abcdef --server builtin --identity-provider github=Ov23li0123456789abcd --allow github.octocat --dry-run'],
  }, 'prod');
  for (const [flag, says, many] of flags) {
    if (many) first.option(flag, says, repeated);
    else first.option(flag, says);
  }
  first
    .option('--force', 'replace a config that is there')
    .option('--skip-checks', 'do not ask machines, DNS and Cloudflare')
    .option('--dry-run', 'print the file on stdout, and write nothing')
    .option('-y, --yes', 'ask nothing: what the flags do not say is missing')
    .option(...json)
    .action(async (options: InitOptions, asked: Command) => {
      const stack = asked.getOptionValueSource('stack') === 'default' && options.profile === 'preview' ? 'preview' : options.stack;
      await (await import('./init.ts')).init({ ...options, stack });
    });

  onStack('drift', {
    summary: 'Says where a stack is not as its config says: expected, found, and what `up` would do',
    more: 'Compares the config with the state, the containers, the realm, the front’s configuration, the DNS records and the firewall. Touches nothing. Exit code 0: no difference, 1: some, or something could not be looked at. Of a stack that the Pulumi CLI deployed, it runs `pulumi preview --refresh`.',
    examples: ['npm run drift', 'npm run drift -- --stack prod', 'npm run --silent drift -- --stack prod --json'],
  })
    .option(...json)
    .action(async (options: { stack: string; json?: boolean }) => exit(await (await import('./drift.ts')).drift(options)));

  onStack('verify', {
    summary: 'Looks at a stack as its clients do, from where you are, and says what would keep them out',
    more: 'Certificate, DNS, every metadata document, tokens that are wrong and right, sign-in, a tool call, streams, and what must be closed. Changes nothing of the stack, and registers no client: safe on production. Where there is a test user (profiles local and preview) it signs in as that; elsewhere give a token, or what needs one is reported as not looked at. Says from where it looked: from the same machine or network it proves less. Exit code 1 where something is wrong.',
    examples: [
      'npm run verify',
      'npm run verify -- --stack prod --token-stdin < token.txt',
      'pulumi stack output --json --show-secrets --stack prod | npm run verify -- --stack prod --outputs -',
      'npm run --silent verify -- --stack prod --long --json',
    ],
  })
    .option('--outputs <file>', 'the stack’s outputs, as `pulumi stack output --json --show-secrets` prints them; - for stdin. Default: those of `npm run up`, or of the Pulumi CLI')
    .option('--token-stdin', 'take an access token from stdin; or the variable DRAWBRIDGE_TOKEN')
    .option('--quick', 'do not wait for a keep-alive of a silent stream (about 20 seconds)')
    .option('--long', 'keep a silent stream open for 130 seconds, longer than Cloudflare would')
    .option(...json)
    .action(async (options: VerifyOptions) => exit(await (await import('./verify.ts')).verify(options)));

  const passphraseFile = ['--passphrase-file <file>', 'file with the passphrase; or the variable DRAWBRIDGE_BACKUP_PASSPHRASE, or it is asked for'] as const;
  const identityFile = ['--identity-file <file>', 'file with the private key, for a backup to a public key'] as const;
  const backup = onStack('backup', {
    summary: 'Saves what a stack could not make again, encrypted, in one file',
    more: 'That is: users, sign-ins, signing keys, the ACME account, and the data of its servers. The stack runs on. Works for every stack that is where its config or DOCKER_HOST says, whoever deployed it. The file is for age (age-encryption.org).',
    examples: ['npm run backup -- --to drawbridge.age', 'npm run backup -- --stack prod --recipient age1… --to drawbridge.age', 'npm run backup -- verify drawbridge.age', 'npm run backup -- key drawbridge.key'],
  })
    .option('--to <file>', 'the file to write; nothing is overwritten')
    .option('--recipient <key>', 'public key (age1…): this machine can then write backups and not read them; may be repeated', repeated)
    .option(...passphraseFile)
    .option(...json)
    .action(async (options: BackupOptions) => (await import('./backup.ts')).backup(options));
  backup
    .command('verify <file>')
    .description('Reads all of a backup, checks that it is whole, and says what is in it. Touches nothing.')
    .option(...passphraseFile)
    .option(...identityFile)
    .option(...json)
    .action(async (file: string, _: unknown, verifying: Command) => (await import('./backup.ts')).verifyBackup(file, verifying.optsWithGlobals()));
  backup
    .command('key <file>')
    .description('Makes a key pair for backups: the private key in a new file, to be kept elsewhere; prints the public one.')
    .action(async (file: string) => (await import('./backup.ts')).makeBackupKey(file));

  onStack('restore', {
    summary: 'Puts a backup into a stack that stands: its data is replaced',
    more: 'Reads and checks the whole file first, says what it would replace, and asks where a person is at the terminal. On a new machine: `up` first, then this. Who was signed in stays signed in.',
    examples: ['npm run restore -- --from drawbridge.age --dry-run', 'npm run restore -- --from drawbridge.age --identity-file drawbridge.key', 'npm run restore -- --stack prod --from drawbridge.age --yes'],
  })
    .requiredOption('--from <file>', 'the backup')
    .option('--dry-run', 'say what would be replaced, and touch nothing')
    .option(...passphraseFile)
    .option(...identityFile)
    .option(...yes)
    .option(...json)
    .action(async (options: RestoreOptions) => (await import('./restore.ts')).restore(options));

  onStack('rotate', {
    summary: 'Has the next `up` make a secret of the stack anew',
    more: 'signing-key: what signs tokens; the one before goes on to verify. database: the password of Keycloak’s database. applier: the secret of the client that applies the realm. Raises `drawbridge:rotation` in the stack’s file, and touches nothing else. Nobody has to sign in again.',
    examples: ['npm run rotate -- signing-key', 'npm run rotate -- database --stack prod'],
  })
    .argument('<kind>', 'signing-key, database or applier')
    .option(...json)
    .action(async (kind: string, options: { stack: string; json?: boolean }) => (await import('./rotate.ts')).rotate(kind, options));

  onStack('check-config', {
    summary: 'Checks a stack’s config: the URLs it leads to, or every problem at once',
    more: 'Touches nothing.',
    examples: ['npm run check-config', 'npm run check-config -- --stack production', 'npm run --silent check-config -- --json'],
  })
    .option(...json)
    .action(async (options: StackCommandOptions) => (await import('./check-config.ts')).checkConfig(options));

  onStack('host', {
    summary: 'Looks at the machines that a stack is for, prepares them, or undoes that',
    more: 'check: everything that is in the way, at once; nothing is changed. prepare: installs and starts a Docker engine where there is none; says first what it will do as root. restore: undoes what prepare did. firewall: sets the stack’s rules anew, where somebody flushed or changed them by hand.',
    examples: ['npm run host -- check --stack prod', 'npm run host -- prepare --stack prod --dry-run', 'npm run host -- restore --stack prod', 'npm run host -- firewall --stack prod'],
  })
    .addArgument(new Argument('<action>', 'what to do').choices(['check', 'prepare', 'restore', 'firewall']))
    .option(...yes)
    .option('--dry-run', 'only say what would be done')
    .option('--machine <target>', 'another machine than those of the config, which the stack has left: ssh://user@host[:port]')
    .action(async (action: Action, options: HostOptions) => (await import('./host-command.ts')).host(action, options));

  onStack('admin', {
    summary: 'Lets you in to Keycloak’s admin console for as long as it runs',
    more: 'Makes an administrator, prints the URL and the password, and deletes the account when it ends. The console is on the loopback address of the stack’s machine only: where that is another one, the command opens an SSH tunnel to it. For profiles preview and production: in profile local Keycloak is in its container network only.',
    examples: ['npm run admin -- --stack production', 'npm run --silent admin -- --stack production --json'],
  })
    .option(...json)
    .action(async (options: { stack: string; json?: boolean }) => (await import('./admin.ts')).admin(options));

  command('doctor', {
    summary: 'Says which MCP clients would fail at a URL, at which step, why, and what to do',
    more: 'For any MCP server, whoever runs it. Asks as each client does, under its user agent, and changes nothing there without --register, --sign-in or --tool. Exit code 1 where a client would fail. A token is read from stdin or DRAWBRIDGE_TOKEN, never from the command line.',
    examples: ['npm run doctor -- https://mcp.example.org/mcp', 'npm run doctor -- https://mcp.example.org/mcp --register --client claude --verbose', 'npm run doctor -- https://mcp.example.org/mcp --register --sign-in', 'npm run --silent doctor -- https://mcp.example.org/mcp --token-stdin --json < token', 'npm run doctor -- https://localhost:8443/mcp --ca drawbridge-ca.pem', 'npx github:OWNER/drawbridge doctor https://mcp.example.org/mcp   (where there is no clone; OWNER is whose repository or fork it is)'],
  })
    .argument('<url>', 'of the MCP server, as people type it')
    .option('--client <name>', 'only this client: claude, claude-code, chatgpt, vscode, cursor or inspector; may be repeated', repeated)
    .option('--register', 'let each client register itself, and delete it again where the server says how (RFC 7592)')
    .option('--client-id <id>', 'a client id that the authorization server knows, in place of registering')
    .option('--token-stdin', 'read an access token from stdin, and call the server with it; or the variable DRAWBRIDGE_TOKEN')
    .option('--sign-in', 'open the sign-in page for a token; with --register or --client-id')
    .option('--tool <name>', 'call this tool, to see how its progress arrives; name one that does no harm')
    .option('--arguments <json>', 'its arguments')
    .option('--listen <seconds>', 'how long to listen to the server’s stream (default: 20)')
    .option('--ca <file>', 'trust this CA certificate (PEM) too; NODE_EXTRA_CA_CERTS works as well')
    .option('--verbose', 'show requests and answers, without tokens and secrets')
    .option(...json)
    .action(async (url: string, options: DoctorOptions) => exit(await (await import('./doctor.ts')).doctor(url, options)));

  command('test', {
    summary: 'Runs every test there is',
    more: 'First tsc and eslint, then unit tests and tests against a stack of its own, which it removes; beside them, where it is root, tests on machines that they make. Filters and options that it does not know are handed on to vitest; tsc and eslint are then left out. The last line is `N passed, N failed`.',
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

  command('soak', {
    summary: 'Wears a stack out, and says what broke',
    more: 'Stands up a stack of its own, and removes it. Without a name: lists the soaks. Exit code 1 where something happened that must not.',
    examples: ['npm run soak', 'npm run soak -- refresh', 'npm run --silent soak -- refresh --json'],
  })
    .argument('[name]', 'which soak')
    .option(...json)
    .action(async (name: string | undefined, options: { json?: boolean }) => {
      const { names, run } = await import('../soak/index.ts');
      if (name === undefined) console.log(names.join('\n'));
      else await run(name, { json: options.json ?? false });
    });

  return program;
}
