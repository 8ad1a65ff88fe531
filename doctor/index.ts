import { outcomeOf } from './causes/stream.ts';
import { type ClientName, clients } from './clients/index.ts';
import { type Finding, findingsOf, type Verdict, verdictsOf } from './diagnose.ts';
import { clean } from './evidence.ts';
import { Exchanges } from './exchange.ts';
import { type Network, networkOf } from './network.ts';
import type { Scene, Tool } from './scene.ts';
import { formsOf, secretsOf } from './secrets.ts';
import { signIn, type SignedIn } from './sign-in.ts';
import { reach } from './steps/reach.ts';
import { tokenFacts, type TokenFacts } from './steps/token.ts';
import { exchangesOf, listenAndLeave, walk, type Walk } from './walk.ts';

export { type ClientName, clientNames } from './clients/index.ts';
export type { Finding, Verdict } from './diagnose.ts';
export type { Evidence } from './evidence.ts';
export { networkOf } from './network.ts';
export { reportLines } from './report.ts';
export { tokenFacts } from './steps/token.ts';

export interface Options {
  /** Default: all. */
  readonly clients?: readonly ClientName[];
  /** An access token for the server. */
  readonly token?: string;
  /** Gets a token: is given the URL at which the user signs in. */
  readonly signIn?: (authorizationUrl: string) => void;
  /** A client id that the authorization server knows. */
  readonly clientId?: string;
  /** Lets each client register itself, and deletes what it can. Default: no. */
  readonly register?: boolean;
  /** A tool to call, to see how its progress arrives. */
  readonly tool?: Tool;
  /** How long the server's stream is listened to, in seconds. Default: 20, with a token or an open server. */
  readonly listenSeconds?: number;
  readonly network?: Network;
}

/** Parts of the way that were not gone, and the option that would. */
export interface NotTried {
  readonly what: string;
  readonly option: string;
}

export interface Diagnosis {
  readonly url: string;
  /** No client fails. */
  readonly ok: boolean;
  readonly clients: readonly Verdict[];
  readonly findings: readonly Finding[];
  /** What came of the call of a tool, where one was named. */
  readonly called?: string;
  readonly notTried: readonly NotTried[];
  readonly requests: number;
  readonly seconds: number;
}

/**
 * Goes each client's way to an MCP server, and says what is in it. Nothing is changed there, unless `register` or `signIn` or a tool says so.
 */
export async function examine(url: string, options: Options = {}): Promise<Diagnosis> {
  const started = performance.now();
  const { network = networkOf(), listenSeconds = 20, register = false, clientId, tool } = options;
  const exchanges = new Exchanges(network);
  const typed = new URL(url);
  typed.hash = '';
  const scene: Scene = { exchanges, network, clientId, register, token: options.token, tool, listenSeconds };
  try {
    const place = await reach(network, typed);
    const signedIn = options.signIn && (await signIn(scene, typed, place, options.signIn));
    const token = signedIn?.access ?? options.token;
    const facts = factsOf(token, signedIn);
    const withToken: Scene = { ...scene, token };
    const chosen = clients.filter(({ name }) => options.clients?.includes(name) ?? true);
    const walks = await Promise.all(chosen.map((client) => walk(withToken, client, typed, place, facts)));
    await listenAndLeave(withToken, walks);
    if (facts) facts.left = await signedIn?.leave();
    const made = [...walks.flatMap((way) => exchangesOf(way).map(([, exchange]) => exchange)), signedIn?.registered, signedIn?.exchange].filter((exchange) => exchange !== undefined);
    const secrets = formsOf([...(token ? [token] : []), ...made.flatMap(secretsOf)]);
    const findings = findingsOf(walks, secrets);
    const verdicts = verdictsOf(walks, findings);
    return { url: typed.href, ok: verdicts.every(({ connects }) => connects), clients: verdicts, findings, ...(tool && { called: clean(calledOf(tool, walks), secrets) }), notTried: notTried(walks, options), requests: exchanges.count, seconds: Math.round(performance.now() - started) / 1000 };
  } finally {
    await exchanges.close();
  }
}

function factsOf(token: string | undefined, signedIn: SignedIn | undefined): TokenFacts | undefined {
  if (token !== undefined) return { ...tokenFacts(token), ...(signedIn && { refreshable: signedIn.refresh !== undefined }) };
  return signedIn?.problem === undefined ? undefined : { problem: signedIn.problem, exchange: signedIn.exchange };
}

function calledOf(tool: Tool, walks: readonly Walk[]): string {
  const heard = walks.find(({ stream }) => stream)?.stream;
  return heard ? outcomeOf(heard) : `${tool.name} was not called: no client came as far as that`;
}

function notTried(walks: readonly Walk[], { register, clientId, tool }: Options): NotTried[] {
  const waits = walks.some(({ registration }) => registration?.way === 'dynamic' && !registration.exchange);
  const asks = walks.some(({ serverMetadata, token }) => serverMetadata?.document && !token);
  const calls = walks.some(({ call }) => call?.listed);
  return [
    ...(waits && !register && clientId === undefined ? [{ what: 'whether clients may register, and their redirect URIs are accepted', option: '--register (registers clients, and deletes them again where that is possible)' }] : []),
    ...(asks ? [{ what: 'whether the server takes a token, and calls and streams go through', option: '--token-stdin, DRAWBRIDGE_TOKEN or --sign-in' }] : []),
    ...(calls && !tool ? [{ what: 'whether progress of long calls arrives in time', option: '--tool NAME' }] : []),
  ];
}
