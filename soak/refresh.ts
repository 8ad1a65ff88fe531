import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { setTimeout as delay } from 'node:timers/promises';
import { readCaCertificate } from '../cli/ca-certificate.ts';
import { down, type StackOptions, up } from '../engine/index.ts';
import type { Findings } from './findings.ts';
import { killAndStart } from './kill.ts';
import { type Metadata, register, signIn } from './sign-in.ts';
import { emptyTally, SignedIn, type Tally } from './signed-in.ts';

const USERS = 25;
/** Refreshes in all, before which it does not end. */
const AIM = 600;
/** Killed one after the other, each after its share of the refreshes. */
const KILLS = { keycloak: 0.15, database: 0.4, server: 0.65, 'keycloak once more': 0.8 };

const projectDirectory = join(import.meta.dirname, '..');
const people = Array.from({ length: USERS }, (_, index) => `person-${index + 1}`);
const stack: StackOptions = {
  projectDirectory,
  stack: 'soak',
  stateDirectory: join(projectDirectory, '.drawbridge/soak'),
  config: {
    'drawbridge:profile': 'local',
    'drawbridge:localPort': 18446,
    'drawbridge:users': people.map((username) => ({ username, email: `${username}@example.org`, firstName: 'Person', lastName: username })),
    // A client that is away for as long as a restart takes must still be signed in after it.
    'drawbridge:sessions': { accessToken: '5s', idle: '3m', maximum: '1h', browserIdle: '3m', browserMaximum: '1h', refreshTokenMaxReuse: 1 },
  },
  onEvent: (event) => {
    if (event.kind === 'failed') console.error(`failed: ${event.name}: ${event.error}`);
  },
};

interface Outputs {
  authorizationServerMetadataUrl: string;
  resources: Record<string, { url: string }>;
  users: Record<string, { password: string }>;
}

/**
 * Half of the sign-ins have offline access, as MCP clients ask for it, half are bound to their browser's session. All refresh every
 * few seconds, while each part that a refresh needs is killed once.
 */
export async function soakRefresh(): Promise<Findings> {
  await down(stack);
  try {
    console.error('standing the stack up');
    const outputs = (await up(stack)).outputs as unknown as Outputs;
    setDefaultCACertificates([...getCACertificates('default'), (await readCaCertificate(stack.stack)) ?? '']);
    const tally = emptyTally();
    const clients = await signEveryoneIn(outputs, tally);
    console.error(`${clients.length} sign-ins of ${USERS} users`);
    const start = performance.now();
    const away = await underKills(clients, tally);
    return findings(clients.length, tally, away, (performance.now() - start) / 1000);
  } finally {
    await down(stack);
    rmSync(stack.stateDirectory, { recursive: true, force: true });
  }
}

async function signEveryoneIn(outputs: Outputs, tally: Tally): Promise<SignedIn[]> {
  const metadata = (await (await fetch(outputs.authorizationServerMetadataUrl)).json()) as Metadata;
  const resource = outputs.resources.mcp!.url;
  const clientId = await register(metadata, 'mcp:read offline_access');
  const clients: SignedIn[] = [];
  const signInTwice = async (username: string) => {
    const newPassword = randomBytes(12).toString('hex');
    for (const [scope, password] of [['mcp:read offline_access', outputs.users[username]!.password], ['mcp:read', newPassword]] as const) {
      const tokens = await signIn(metadata, clientId, { username, password, newPassword }, scope);
      clients.push(new SignedIn({ tokenEndpoint: metadata.token_endpoint, resource, clientId }, tokens, tally));
    }
  };
  // A few at a time: what a password costs Keycloak is what it is meant to cost a thief.
  const waiting = [...people];
  await Promise.all(Array.from({ length: 4 }, async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) await signInTwice(next);
  }));
  return clients;
}

/** @returns what was killed → seconds until it was back */
async function underKills(clients: readonly SignedIn[], tally: Tally): Promise<Record<string, number>> {
  const done = () => tally.refreshed + tally.continued;
  const away: Record<string, number> = {};
  let killing = true;
  const lives = clients.map((client) => client.live(() => killing || done() < AIM, () => 500 + Math.random() * 3_500));
  try {
    for (const [name, share] of Object.entries(KILLS)) {
      while (done() < AIM * share && tally.lost.length < clients.length) await delay(100);
      console.error(`${done()} refreshes; killing ${name}`);
      away[name] = await killAndStart(stack.stack, name.split(' ')[0]!);
    }
  } finally {
    killing = false;
    await Promise.all(lives);
  }
  return away;
}

function findings(signIns: number, tally: Tally, away: Record<string, number>, seconds: number): Findings {
  const { refreshed, swallowed, continued, lost, calls } = tally;
  const durations = tally.durations.toSorted((a, b) => a - b);
  const quantile = (share: number) => Math.round(durations[Math.floor(share * (durations.length - 1))] ?? 0);
  const rounded = (value: number) => Math.round(value * 10) / 10;
  const lostAfterSwallowed = lost.filter(({ afterSwallowed }) => afterSwallowed).length;
  const figures = {
    'users': USERS,
    'sign-ins': signIns,
    'refreshes answered at once': refreshed,
    'refreshes whose answer a kill swallowed': swallowed,
    '  continued with the same token': continued,
    '  new sign-ins needed': lostAfterSwallowed,
    'new sign-ins needed by all others': lost.length - lostAfterSwallowed,
    'tool calls answered': calls.answered,
    'tool calls not answered, during a kill': calls.unanswered,
    'tool calls refused': calls.refused,
    ...Object.fromEntries(Object.entries(away).map(([name, value]) => [`seconds until back: ${name}`, rounded(value)])),
    'median of a refresh, in ms': quantile(0.5),
    '99 of 100 within, in ms': quantile(0.99),
    'seconds in all': rounded(seconds),
  };
  const failures = [
    ...lost.map(({ afterSwallowed, why }) => `a sign-in was lost${afterSwallowed ? ' after a swallowed answer' : ''}: ${why}`),
    ...(calls.refused > 0 ? [`${calls.refused} tool calls with a fresh token were refused`] : []),
    ...(refreshed + continued < 500 ? [`only ${refreshed + continued} refreshes were answered`] : []),
    ...(swallowed === 0 ? ['no answer was swallowed: the kills hit nothing'] : []),
  ];
  return { figures, failures };
}
