import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { differences, runSuite, suites, type Verdicts } from './suite.ts';
import { servers, Target } from './target.ts';

// What the gateway adds to what a server does by itself.
const hostsAreChecked = 'dns-rebinding-protection: localhost-host-rebinding-rejected';
const endedSessionsAreUnknown = 'server-session-lifecycle: server-session-terminated-returns-404';
// The gateway speaks the newest version of an era to the server, whichever the client speaks to the gateway.
const streamsPrimeTheirClients = [
  'server-sse-polling: server-sse-priming-event',
  'server-sse-polling: server-sse-retry-field',
  'server-sse-polling: server-sse-disconnect-resume',
];
// The server refuses every request of an era that it does not speak, and so passes what asks for a refusal. Behind the gateway the
// request arrives, with answers to nothing that it asked for.
const refusedForAnotherReason = [
  'input-required-result-validate-input: sep-2322-validate-input-responses',
  'input-required-result-validate-input: sep-2322-error-on-protocol-error',
];

interface Expected {
  better?: readonly string[];
  worse?: readonly string[];
  /** The server speaks nothing of this era. All that passes is the gateway's doing, and is not compared. */
  otherEra?: boolean;
}

const expected: Record<keyof typeof servers, Record<string, Expected>> = {
  'server-everything': {
    'current release': { better: [hostsAreChecked, streamsPrimeTheirClients[0]!] },
    'next release, 2025-11-25': { better: [hostsAreChecked, endedSessionsAreUnknown] },
    'next release, requirements of 2026-07-28': { worse: refusedForAnotherReason, otherEra: true },
  },
  'the fixture of the suite': {
    'current release': { better: streamsPrimeTheirClients },
  },
};

describe.each(Object.keys(servers) as (keyof typeof servers)[])('the official conformance suite against %s', (server) => {
  let target: Target;
  beforeAll(async () => {
    target = await Target.start(server);
  });
  afterAll(() => target?.stop());

  it.each(suites)('gives the same verdicts bare and through the gateway: $name', async (suite) => {
    const bare = await runSuite(suite, target.bare);
    if (server === 'the fixture of the suite') expect(failed(bare)).toEqual([]);
    const { worse, better } = differences(bare, await runSuite(suite, target.through));
    const known = expected[server][suite.name] ?? {};
    expect(without(worse, known.worse)).toEqual({});
    if (!known.otherEra) expect(without(better, known.better)).toEqual({});
    // What is listed above and is no longer so would hide the next difference.
    expect(Object.keys({ ...worse, ...better })).toEqual(expect.arrayContaining([...(known.worse ?? []), ...(known.better ?? [])]));
  });
});

const without = (differences: Record<string, string>, keys: readonly string[] = []) =>
  Object.fromEntries(Object.entries(differences).filter(([key]) => !keys.includes(key)));

/** What failed, apart from the tasks extension, which the SDK has not. Where nothing passes bare, a comparison says nothing. */
function failed(verdicts: Verdicts): string[] {
  return [...verdicts].filter(([check, { status }]) => status === 'FAILURE' && !check.startsWith('tasks-')).map(([check]) => check);
}
