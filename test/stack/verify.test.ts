import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { stringify } from 'yaml';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { projectDirectory } from '../../cli/stack-file.ts';
import type { Report } from '../../cli/verify.ts';
import { BrokenFront, withLocation } from '../support/broken-front.ts';
import { BrokenRealm } from '../support/broken-realm.ts';
import { FormBrowser, pkce } from '../support/form-browser.ts';
import { npmRun, printed } from '../support/npm-run.ts';
import { Authority } from '../tunnel/identity.ts';
import { breaks, called, keycloak, origin, port, realmPath, resource, type Room, stack } from './verify-breaks.ts';

const stackFile = join(projectDirectory, `Pulumi.${stack}.yaml`);
const folder = mkdtempSync(join(tmpdir(), 'drawbridge-verify-'));

let outputs: Record<string, unknown>;
let room: Room;

/** @returns the report, which agrees with the exit code */
async function verify(...options: string[]): Promise<Report> {
  const { code, stdout, stderr } = await npmRun('verify', '--stack', stack, '--json', ...options);
  if (!stdout) throw new Error(stderr);
  const report = JSON.parse(stdout) as Report;
  expect(code).toBe(report.ok ? 0 : 1);
  return report;
}
const failed = ({ checks }: Report) => checks.filter(({ result }) => result === 'failed');
const sentences = (report: Report) => failed(report).map(({ check }) => check);

/** Outputs with other values, as a file. */
function outputsWith(changes: object): string {
  const file = join(folder, `${Object.keys(changes).join()}.json`);
  writeFileSync(file, JSON.stringify({ ...outputs, ...changes }), { mode: 0o600 });
  return file;
}

/** What a person would paste: the token of a client that is signed in. */
async function tokenOfClaudeCode(): Promise<string> {
  setDefaultCACertificates([...getCACertificates('default'), outputs.caCertificate as string]);
  const protocol = `${origin}${realmPath}/protocol/openid-connect`;
  const { verifier, challenge } = pkce();
  const client = { client_id: 'claude-code', redirect_uri: 'http://localhost/callback' };
  const parameters = new URLSearchParams({ ...client, response_type: 'code', scope: 'mcp:read', resource, code_challenge: challenge, code_challenge_method: 'S256' });
  const callback = await new FormBrowser(outputs.testUser as { username: string; password: string }).authorize(`${protocol}/auth?${parameters}`, client.redirect_uri);
  const body = new URLSearchParams({ ...client, grant_type: 'authorization_code', code: callback.get('code')!, code_verifier: verifier });
  return ((await (await fetch(`${protocol}/token`, { method: 'POST', body })).json()) as { access_token: string }).access_token;
}

describe('a stack that people use', { timeout: 300_000 }, () => {
  beforeAll(async () => {
    writeFileSync(stackFile, stringify({ config: { 'drawbridge:profile': 'local', 'drawbridge:localPort': port } }));
    await npmRun('down', '--stack', stack, '--yes');
    const { verify, outputs: made } = JSON.parse(await printed('up', '--stack', stack, '--yes', '--json')) as { verify: Report; outputs: typeof outputs };
    // By `up` itself.
    expect(sentences(verify)).toEqual([]);
    outputs = made;
    const authority = await Authority.create(join(folder, 'identity'));
    const trusting = ['--outputs', outputsWith({ caCertificate: authority.certificate })];
    room = { front: new BrokenFront(stack, port), realm: new BrokenRealm(stack, 'main'), authority, trusting, undo: [] };
  }, 600_000);
  afterEach(async () => {
    for (const back of room.undo.splice(0)) await back();
    room.realm.putBack();
    await room.front.putBack();
  });
  afterAll(async () => {
    room?.realm.leave();
    await npmRun('down', '--stack', stack, '--yes');
    rmSync(stackFile, { force: true });
    rmSync(folder, { recursive: true });
  }, 300_000);

  it('passes, with what was not looked at named as such, and from where it was looked', async () => {
    const report = await verify();
    expect(report.looked).toEqual([expect.objectContaining({ host: 'localhost', where: 'same machine' })]);
    expect(report.checks.filter(({ result }) => result !== 'passed').map(({ check, result }) => `${check}: ${result}`)).toEqual([
      'serves nothing over plain http, and leads to https: not looked at',
      'tells browsers to come by https only (HSTS): not looked at',
      'the ports of what is behind the front are not open to the outside: not looked at',
      'a token for another server of the stack is refused (RFC 8707 §2): not looked at',
    ]);
  });

  // What one break left would be in the next one's list.
  it.each(breaks)('fails with $what, and says no more than follows from it', async ({ breaks, fails, found, options = () => ['--quick'] }) => {
    await breaks(room);
    const report = await verify(...options(room));
    expect(sentences(report)).toEqual(fails);
    const [first] = failed(report);
    expect(first!.found).toEqual(typeof found === 'string' ? found : expect.stringMatching(found));
    expect(first!.expected && first!.remedy).toBeTruthy();
  });

  it('without a token has passed no check that needs one', async () => {
    const report = await verify('--quick', '--outputs', outputsWith({ testUser: undefined }));
    expect(sentences(report)).toEqual([]);
    const needing = report.checks.filter(({ area }) => area.startsWith('With a right token') || area === 'Staying signed in');
    expect(needing.length).toBeGreaterThan(5);
    expect(new Set(needing.map(({ result }) => result))).toEqual(new Set(['not looked at']));
  });

  it('takes a token that a person pastes, and prints it nowhere', async () => {
    process.env.DRAWBRIDGE_TOKEN = await tokenOfClaudeCode();
    try {
      const { stdout, stderr } = await npmRun('verify', '--stack', stack, '--quick', '--json');
      expect(stdout + stderr).not.toContain(process.env.DRAWBRIDGE_TOKEN);
      const { checks } = JSON.parse(stdout) as Report;
      const result = (name: string) => checks.find(({ check }) => check === name)!.result;
      expect([called.token, called.lists, called.calls].map(result)).toEqual(['passed', 'passed', 'passed']);
      expect([called.signIn, called.idToken, called.refresh].map(result)).toEqual(['not looked at', 'not looked at', 'not looked at']);
    } finally {
      delete process.env.DRAWBRIDGE_TOKEN;
    }
  });

  it('has `up` end with 1 and leave the stack where clients would not get on with it; --no-verify does not look', async () => {
    await room.front.edit((text) => withLocation(text, `location ~ ^/auth/admin { proxy_pass ${keycloak}; }`));
    const { code, stdout } = await npmRun('up', '--stack', stack, '--yes');
    expect(code).toBe(1);
    expect(stdout).toContain('✗ not public: Keycloak’s admin console and admin API');
    expect(stdout).toContain(`The stack stands and was left as it is, but clients would not get on with it: see above.\nWhen that is put right: npm run verify -- --stack ${stack}`);
    expect((await npmRun('up', '--stack', stack, '--yes', '--no-verify')).code).toBe(0);
  });

  it('passes again once all is put back', async () => {
    expect(sentences(await verify('--quick'))).toEqual([]);
  });
});
