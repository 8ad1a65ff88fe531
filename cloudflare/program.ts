import { setTimeout as sleep } from 'node:timers/promises';
import type Cloudflare from 'cloudflare';
import { plain } from '../host/plain.ts';
import { CloudflareError, connect } from './api.ts';

/** How long to wait before the whole is done again, in milliseconds. */
const PAUSES = [500, 1500];

/**
 * What a program of this room does. What it returns goes to standard output. It may be cut off anywhere, and run again.
 * @param earlier what the last run printed that came to its end; `''`: there was none
 */
export type Act<Wanted> = (api: Cloudflare, wanted: Wanted, earlier: string) => Promise<string>;

/**
 * Runs what the first argument names. The environment holds what is wanted as JSON (`CLOUDFLARE_WANTED`), the secret
 * (`CLOUDFLARE_API_TOKEN`) and, by @pulumi/command, what the last run printed (`PULUMI_COMMAND_STDOUT`). Exit codes: 1, with what is wrong on standard error; 2 for wrong use.
 */
export async function runProgram<Wanted>(name: string, acts: Readonly<Record<string, Act<Wanted>>>): Promise<void> {
  const { CLOUDFLARE_WANTED: wanted, CLOUDFLARE_API_TOKEN: token = '', PULUMI_COMMAND_STDOUT: earlier = '' } = process.env;
  const act = acts[process.argv[2] ?? ''];
  if (!act || wanted === undefined) {
    process.stderr.write(`Usage: CLOUDFLARE_WANTED=JSON CLOUDFLARE_API_TOKEN=… node cloudflare/${name}.ts ${Object.keys(acts).join('|')}\n`);
    process.exitCode = 2;
    return;
  }
  try {
    const api = connect({ token });
    const parsed = JSON.parse(wanted) as Wanted;
    process.stdout.write(`${plain(await persistently(() => act(api, parsed, earlier)))}\n`);
  } catch (error) {
    process.stderr.write(`${plain(error instanceof CloudflareError ? inWords(error) : String((error as Error).stack))}\n`);
    process.exitCode = 1;
  }
}

const inWords = ({ message, denied }: CloudflareError): string =>
  denied ? `${message}\nThe token was revoked, or may not do this: docs/tunnel.md says what it has to be allowed. A new token has to be set and applied by an \`up\` before the old one goes.` : message;

/** Does it all again if Cloudflare stumbled: the second time it sees what the first one still did. */
export async function persistently<T>(act: () => Promise<T>): Promise<T> {
  for (const pause of PAUSES) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof CloudflareError && error.passing)) throw error;
    }
    await sleep(pause);
  }
  return act();
}
