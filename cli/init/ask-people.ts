import { type Allow, providers, type SignIn } from './answers.ts';
import { type Flags, readEach, together } from './flags.ts';
import type { Prompts } from './prompts.ts';
import { Wrong } from './wrong.ts';
import type { Asking } from './questions.ts';
import { readAllow, readProvider, readUser } from './read.ts';

/** Where a provider gives out client ids. */
const places = { github: 'GitHub: Settings → Developer settings → OAuth Apps', google: 'Google: Cloud console → Clients', oidc: 'your provider: a client for the authorization code flow, with a secret' } as const;

/** @throws Wrong */
export function givenSignIn({ user = [], identityProvider = [], oidcIssuer }: Flags): SignIn | undefined {
  if (user.length + identityProvider.length === 0) return undefined;
  const [users, named] = together(
    () => readEach('user', user, readUser),
    () => readEach('identityProvider', identityProvider, (text) => readProvider(text, oidcIssuer)),
  );
  const twice = named.find(([alias], index) => named.findIndex(([other]) => other === alias) < index);
  if (twice) throw new Wrong(`--identity-provider names ${twice[0]} twice: each provider has one client id`);
  if (oidcIssuer !== undefined && !named.some(([alias]) => alias === 'oidc')) throw new Wrong(`--oidc-issuer ${oidcIssuer}: is for --identity-provider oidc=CLIENT-ID, which is missing`);
  return { users, providers: Object.fromEntries(named) };
}

const words = { github: 'GitHub', google: 'Google', oidc: 'another provider that speaks OpenID Connect' } as const;

export async function askSignIn(prompts: Prompts, { before, fits, endpoints }: Asking<'signIn'>): Promise<SignIn> {
  if (before && (await prompts.yes(`Keep who may sign in? (${inWords(before)})`, true))) return before;
  const ways = await prompts.several('Where do people sign in?', [{ value: 'accounts' as const, name: 'here: with an account that the stack makes', checked: true }, ...providers.map((value) => ({ value, name: words[value] }))]);
  let found: SignIn['providers'] = {};
  for (const alias of providers.filter((each) => ways.includes(each))) {
    const read = (clientId: string, issuer: string | undefined) => {
      const all = { ...found, [alias]: readProvider(`${alias}=${clientId}`, issuer)[1] };
      fits({ users: [], providers: all });
      return all;
    };
    const issuer = alias === 'oidc' ? await prompts.text({ message: 'Its issuer? (a URL)', read: (url) => read('any', url) }) : undefined;
    const { identityProviders } = endpoints({ users: [], providers: read('any', issuer) }).authorizationServer!;
    prompts.say(`  Drawbridge has to be known there first (${places[alias]}), with the callback URL ${identityProviders[alias]!.callbackUrl}`);
    found = read(await prompts.text({ message: `The client id that ${alias === 'oidc' ? 'it' : words[alias]} shows for Drawbridge?`, read: (id) => read(id, issuer) }), issuer);
  }
  return { users: ways.includes('accounts') ? await askUsers(prompts, (users) => fits({ users, providers: found })) : [], providers: found };
}

const inWords = ({ users, providers: named }: SignIn): string =>
  [...users.map(({ username }) => username), ...providers.filter((alias) => named[alias]).map((alias) => (alias === 'oidc' ? named.oidc!.issuer! : words[alias]))].join(', ');

async function askUsers(prompts: Prompts, fits: (users: SignIn['users']) => void): Promise<SignIn['users']> {
  const users: SignIn['users'][number][] = [];
  do users.push(readUser(await prompts.text({ message: 'An account for? (name=address, for example ann=ann@example.org)', read: (text) => fits([...users, readUser(text)]) })));
  while (await prompts.yes('Another account?', false));
  return users;
}

export async function askAllow(prompts: Prompts, { soFar: { signIn }, before, fits }: Asking<'allow'>): Promise<Allow> {
  if (before && (await prompts.yes(`Keep who may call? (${allowInWords(before)})`, true))) return before;
  const named = providers.filter((alias) => signIn?.providers[alias]);
  const example = named[0] === 'github' ? 'github.octocat' : 'ann@example.org, @example.org';
  const everyone = ['here', ...named.map((alias) => `at ${alias === 'oidc' ? 'your provider' : words[alias]}`)].join(' or ');
  return readAllow(await prompts.text({ message: `Who of those may call? (names, with commas between, such as ${example}; everyone: whoever has an account ${everyone})`, read: (text) => fits(readAllow(text)) }));
}

function allowInWords(allow: Allow): string {
  if (allow === 'everyone') return allow;
  const { users = [], groups = [], domains = [] } = allow;
  return [...users, ...groups.map((name) => `group:${name}`), ...domains.map((name) => `@${name}`)].join(', ');
}
