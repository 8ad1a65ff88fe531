import type { Endpoints } from '../../infra/endpoint-types.ts';
import { knownClientNames, knownClients } from '../../keycloak/known-clients.ts';
import { type Answers, isRestricted, ownClients, type Values } from './answers.ts';
import { askServers } from './ask-servers.ts';
import { askAllow, askSignIn, givenSignIn } from './ask-people.ts';
import { askZone, givenZone } from './ask-zone.ts';
import { checkCloudflare } from './cloudflare.ts';
import { type Checked, checkMachine, checkName } from './checks.ts';
import { type Flags, readEach } from './flags.ts';
import type { Prompts } from './prompts.ts';
import { readAllow, readClient, readEmail, readHost, readProfile, readServer, readTarget, readTier } from './read.ts';

/** What is answered so far: of a question, the ones before it. */
export type SoFar = Partial<Answers>;

/** What a question is asked with. */
export interface Asking<Key extends keyof Answers = keyof Answers> {
  readonly soFar: SoFar;
  /** The config that is there. */
  readonly config: Values;
  /** The answer that it had: Enter keeps it. */
  readonly before: Answers[Key] | undefined;
  /** Holds an answer, or the first part of one, against the whole config. @throws Wrong with what it makes wrong there */
  fits(answer: Answers[Key]): void;
  /** The URLs that the stack has with it. @throws ConfigError where the rest of the config is wrong */
  endpoints(answer: Answers[Key]): Endpoints;
}

export interface Question<Key extends keyof Answers = keyof Answers> {
  readonly key: Key;
  /** What gives the answer on the command line, in words and by name. */
  readonly flag: string;
  readonly flags: readonly (keyof Flags)[];
  /** Asked in this tier only. Default: in both. */
  readonly tier?: Answers['tier'];
  /** The answer that the flags give; undefined: none. @param config the config that is there @throws Wrong, which names the flags */
  given(flags: Flags, soFar: SoFar, config: Values): Answers[Key] | undefined | Promise<Answers[Key] | undefined>;
  /** Where nobody can be asked, it stays as in the config, or has the schema's default. Otherwise the flag is required. */
  readonly isOptional?: true;
  ask(prompts: Prompts, asking: Asking<Key>): Promise<Answers[Key]>;
  /** Asks the world, and changes nothing. @param holding the answers before in which it found nothing wrong */
  check?(answer: Answers[Key], holding: SoFar, checking: Checking): Promise<Checked>;
}

/** The stack, and the answers that its config had. */
export interface Checking {
  readonly stack: string;
  readonly had: SoFar;
}

const question = <Key extends keyof Answers>(asked: Question<Key>) => asked as unknown as Question;
const each = <T>(name: keyof Flags, texts: readonly string[] | undefined, read: (text: string) => T): T[] | undefined => texts && readEach(name, texts, read);
const one = <T>(name: keyof Flags, text: string | undefined, read: (text: string) => T): T | undefined => (text === undefined ? undefined : readEach(name, [text], read)[0]);

/** All of them, in the order in which they are asked. */
export const questions: readonly Question[] = [
  question<'profile'>({
    key: 'profile',
    flag: '--profile',
    flags: ['profile'],
    given: ({ profile }) => one('profile', profile, readProfile),
    isOptional: true,
    ask: (prompts, { before }) =>
      prompts.choose(
        'What is it for?',
        [
          { value: 'production', name: 'production: deployed with the Pulumi CLI, with state and secrets of your own' },
          { value: 'preview', name: 'preview: to try it, with `npm run up`; has a test user, and may be lost' },
        ],
        before,
      ),
  }),
  question<'tier'>({
    key: 'tier',
    flag: '--tier',
    flags: ['tier'],
    given: ({ tier }) => one('tier', tier, readTier),
    ask: (prompts, { before }) =>
      prompts.choose(
        'How do clients get in?',
        [
          { value: 'host', name: 'host: nginx on a host with a public address, ports 80 and 443 open' },
          { value: 'tunnel', name: 'tunnel: a Cloudflare tunnel, no port open; the domain is a zone at Cloudflare' },
        ],
        before,
      ),
  }),
  question<'deploy'>({
    key: 'deploy',
    flag: '--deploy',
    flags: ['deploy'],
    given: ({ deploy }) => one('deploy', deploy, readTarget),
    ask: (prompts, { before, fits }) => prompts.text({ message: 'Where does it run? (local, or ssh://user@host)', byDefault: before ?? 'local', read: (text) => fits(readTarget(text)) }),
    check: (deploy, _, { stack }) => checkMachine({ deploy }, stack),
  }),
  question<'host'>({
    key: 'host',
    flag: '--host',
    flags: ['host'],
    given: ({ host }) => one('host', host, readHost),
    ask: (prompts, { before, fits }) => prompts.text({ message: 'Its public name? (for example mcp.example.org)', ...(before && { byDefault: before }), read: (text) => fits(readHost(text)) }),
    check: async (host, { tier, deploy }) => {
      // Behind a tunnel `up` makes the record itself.
      if (tier === 'tunnel') return { problems: [], notes: [] };
      return deploy ? checkName({ host, deploy }) : { problems: [], notes: [`${host} is not looked up: that takes the machine, which is not reached`] };
    },
  }),
  question<'acmeEmail'>({
    key: 'acmeEmail',
    flag: '--acme-email',
    flags: ['acmeEmail'],
    tier: 'host',
    given: ({ acmeEmail }) => one('acmeEmail', acmeEmail, readEmail),
    isOptional: true,
    ask: (prompts, { before, fits }) => prompts.text({ message: 'Whom may the certificate authority write to? (an e-mail address, or nothing)', ...(before && { byDefault: before }), read: (text) => fits(readEmail(text)) }),
  }),
  question<'cloudflare'>({
    key: 'cloudflare',
    flag: '--cloudflare-zone, --cloudflare-account',
    flags: ['cloudflareZone', 'cloudflareAccount'],
    tier: 'tunnel',
    given: givenZone,
    ask: askZone,
    check: (zone, { host }, { stack, had }) => checkCloudflare(zone!, host!, { stack, had: had.cloudflare }),
  }),
  question<'servers'>({
    key: 'servers',
    flag: '--server',
    flags: ['server'],
    // One may hold a token, in env or args.
    given: ({ server }) => server && readEach('server', server, readServer, (_, index) => `number ${index + 1}`),
    ask: askServers,
  }),
  question<'clients'>({
    key: 'clients',
    flag: '--client',
    flags: ['client'],
    given: ({ client }) => each('client', client, readClient),
    isOptional: true,
    ask: (prompts, { before = [], config }) => {
      const own = ownClients(config).map(({ id }) => String(id));
      const message = `Which clients may connect?${own.length > 0 ? ` (besides your own, which stay: ${own.join(', ')})` : ''}`;
      return prompts.several(message, knownClientNames.map((value) => ({ value, name: knownClients[value].name, checked: before.includes(value) })), own.length === 0);
    },
  }),
  question<'signIn'>({
    key: 'signIn',
    flag: '--user or --identity-provider',
    flags: ['user', 'identityProvider', 'oidcIssuer'],
    given: givenSignIn,
    ask: askSignIn,
  }),
  question<'allow'>({
    key: 'allow',
    flag: '--allow',
    flags: ['allow'],
    // A list that the config has already is never given up unasked.
    given: ({ allow }, { signIn }, config) => (allow ? one('allow', allow.join(', '), readAllow) : isRestricted(config) ? undefined : onlyOwnAccounts(signIn)),
    ask: askAllow,
  }),
];

/** Where there are no accounts but those that the stack makes, everyone who can sign in is listed already. */
const onlyOwnAccounts = (signIn: SoFar['signIn']) => (signIn && Object.keys(signIn.providers).length === 0 ? 'everyone' : undefined);
