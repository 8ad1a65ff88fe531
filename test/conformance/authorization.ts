import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nextProgram, readVerdicts, type Verdicts } from './suite.ts';

/** The suite's own client of the authorization server, and the browser that it needs a person at. */
export interface SuiteClient {
  readonly clientId: string;
  readonly resource: string;
  /** Its redirect URI is `http://127.0.0.1:PORT/callback`. */
  readonly port: number;
  readonly signIn: (authorizationUrl: URL) => Promise<void>;
}

/** Runs the suite's checks of an authorization server. @throws Error with the suite's words when it comes to no verdicts. */
export async function runAuthorizationSuite(issuer: string, { clientId, resource, port, signIn }: SuiteClient, env: NodeJS.ProcessEnv): Promise<Verdicts> {
  const directory = await mkdtemp(join(tmpdir(), 'drawbridge-conformance-'));
  try {
    const args = ['authorization', '--url', issuer, '--client-id', clientId, '--resource', resource, '--port', String(port), '--output-dir', directory];
    const suite = spawn(process.execPath, [nextProgram, ...args], { env: { ...process.env, ...env } });
    let [words, signedIn] = ['', undefined as Promise<void> | undefined];
    for (const stream of [suite.stdout, suite.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        words += text;
        const asked = /^(https:\S+response_type=code\S*)$/m.exec(words)?.[1];
        if (asked && !signedIn) {
          signedIn = signIn(new URL(asked));
          // It would wait five minutes for a person who does not come.
          signedIn.catch(() => suite.kill());
        }
      });
    await new Promise((resolve) => suite.on('close', resolve));
    await signedIn;
    const verdicts = await readVerdicts(directory, 'authorization-server');
    if (verdicts.size === 0) throw new Error(`The suite ended without verdicts:\n${words}`);
    return verdicts;
  } finally {
    await rm(directory, { recursive: true });
  }
}
