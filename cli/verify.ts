import { text } from 'node:stream/consumers';
import { plainJson } from '../host/plain.ts';
import { deriveEndpoints } from '../infra/endpoints.ts';
import type { Looks } from '../test/live/subject.ts';
import { UsageError } from './errors.ts';
import { duration } from './progress.ts';
import { createTerminal } from './terminal.ts';
import { type Check, look, type Subject } from './verify/run.ts';
import { readSubject } from './verify/subject.ts';
import { checkLines, totalLine } from './verify/text.ts';
import { type Vantage, vantageOf, vantageText } from './verify/vantage.ts';

export interface VerifyOptions {
  stack: string;
  /** File with the outputs, or `-` for stdin. */
  outputs?: string;
  /** Whether a token comes on stdin. */
  tokenStdin?: boolean;
  quick?: boolean;
  long?: boolean;
  json?: boolean;
}

/** What `--json` prints. */
export interface Report {
  readonly stack: string;
  readonly ok: boolean;
  readonly looked: readonly Vantage[];
  readonly checks: readonly Check[];
  readonly seconds: number;
}

/** Looks at a stack from where it is run, and changes nothing. @returns the exit code: 1 where something is not as it must be */
export async function verify(options: VerifyOptions): Promise<0 | 1> {
  const { stack, outputs, tokenStdin = false, quick = false, long = false, json = false } = options;
  if (quick && long) throw new UsageError('--quick and --long are two different things: give one of them.');
  if (tokenStdin && outputs === '-') throw new UsageError('--token-stdin and --outputs - both read stdin: give the token in the variable DRAWBRIDGE_TOKEN.');
  const given = tokenStdin ? await text(process.stdin) : process.env.DRAWBRIDGE_TOKEN;
  const token = given?.trim().replace(/^Bearer +/i, '');
  if (tokenStdin && !token) throw new UsageError('There is no token on stdin.');
  const report = await verifySubject(await readSubject(stack, outputs), { ...(token && { token }), silence: quick ? 'none' : long ? 'long' : 'once', json });
  if (json) console.log(plainJson(report));
  return report.ok ? 0 : 1;
}

/** Makes all checks, and says what comes of each. @param onlyProblems whether of those that passed there is the number alone */
export async function verifySubject(subject: Subject, { json, onlyProblems = false, ...looks }: Looks & { json: boolean; onlyProblems?: boolean }): Promise<Report> {
  const terminal = createTerminal({ json });
  const { hosts, port } = deriveEndpoints(subject.config);
  const began = Date.now();
  terminal.progress.start('verify', 'looking at the stack as its clients do');
  let made = 0;
  const [looked, checks] = await Promise.all([Promise.all(hosts.map((host) => vantageOf(host, port))), look(subject, looks, () => terminal.progress.line('verify', `${(made += 1)} checks made`))]);
  const seconds = (Date.now() - began) / 1000;
  terminal.progress.finish('verify', 'looked at the stack as its clients do', seconds);
  const report = { stack: subject.stack, ok: !checks.some(({ result }) => result === 'failed'), looked, checks, seconds };
  for (const line of [...looked.map(vantageText), ...checkLines(onlyProblems ? checks.filter(({ result }) => result === 'failed') : checks), '', `${totalLine(checks)} (${duration(seconds)})`]) terminal.say(line);
  terminal.progress.close();
  return report;
}
