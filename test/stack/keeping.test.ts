import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parts, verify, write } from '../../cli/keeping/archive.ts';
import { writeWhole } from '../../cli/keeping/file.ts';
import { decrypter, encrypter, type KeyOptions } from '../../cli/keeping/keys.ts';
import { readCaCertificate } from '../../cli/ca-certificate.ts';
import { projectDirectory } from '../../cli/stack-file.ts';
import { down, type Outcome, up } from '../../engine/index.ts';
import { testStack } from '../support/deploy-with-engine.ts';
import { FormBrowser, pkce } from '../support/form-browser.ts';
import { commandEnvironment, npmRun, PASSPHRASE, printed } from '../support/npm-run.ts';
import { StandingStack } from '../support/standing-stack.ts';

const PORT = 18449;
const origin = `https://localhost:${PORT}`;
const rotation = { signingKey: 1, database: 1, applier: 1 };
const config = {
  'drawbridge:profile': 'local',
  'drawbridge:localPort': PORT,
  'drawbridge:sessions': { accessToken: '30m' },
  // A server with data of its own. What it runs does not matter here.
  'drawbridge:servers': [{ name: 'mcp', path: '/mcp' }, { name: 'notes', path: '/notes', scopes: ['notes:use'], backend: { command: 'node', args: ['-e', '0'] } }],
};
const options = testStack('keep', config);
const keep = new StandingStack(options);
const upWith = async (generations: typeof rotation): Promise<Outcome> => {
  const outcome = await up({ ...options, config: { ...config, 'drawbridge:rotation': generations } });
  // A stack that stands up anew has a CA of its own.
  setDefaultCACertificates([...getCACertificates('bundled'), (await readCaCertificate('keep'))!]);
  return outcome;
};

const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).trim();
const inBackend = (script: string) => docker('exec', 'drawbridge-keep-backend-notes', 'sh', '-c', script);
const inDatabase = (sql: string) => docker('exec', 'drawbridge-keep-database', 'sh', '-c', 'PGPASSWORD="$POSTGRES_PASSWORD" exec psql --username "$POSTGRES_USER" --no-align --tuples-only --command "$0"', sql);
const realm = `${origin}/auth/realms/main`;
const redirect = 'http://localhost:43113/callback';

/** Runs one and kills it with SIGKILL as soon as `when` holds. */
async function killed(args: string[], when: () => boolean): Promise<void> {
  const child = spawn(process.execPath, ['cli/launch.js', ...args], { cwd: projectDirectory, env: commandEnvironment(), stdio: 'ignore' });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  while (!when() && child.exitCode === null) await sleep(20);
  child.kill('SIGKILL');
  expect(await ended).toBe('SIGKILL');
}

/** Presses Ctrl-C in the terminal of one as soon as `when` holds: it goes to the whole group of processes. */
async function interrupted(args: string[], when: () => boolean): Promise<{ code: unknown; said: string }> {
  const child = spawn(process.execPath, ['cli/launch.js', ...args], { cwd: projectDirectory, env: commandEnvironment(), stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const ended = Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)]);
  while (!when() && child.exitCode === null) await sleep(20);
  process.kill(-child.pid!, 'SIGINT');
  const [[code], ...said] = await ended;
  return { code, said: said.join('') };
}

interface Signed {
  access_token: string;
  refresh_token: string;
}

/** A client that someone signed in to once, and whom it never asks again. */
class Client {
  tokens!: Signed;
  readonly #id: string;

  private constructor(id: string) {
    this.#id = id;
  }

  static async signIn(user: { username: string; password: string }, scope: string): Promise<Client> {
    const registration = { client_name: 'drawbridge keeping', redirect_uris: [redirect], token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'refresh_token'], scope };
    const registered = await fetch(`${realm}/clients-registrations/openid-connect`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(registration) });
    const client = new Client(((await registered.json()) as { client_id: string }).client_id);
    const { verifier, challenge } = pkce();
    const asked = new URLSearchParams({ client_id: client.#id, redirect_uri: redirect, response_type: 'code', scope, code_challenge: challenge, code_challenge_method: 'S256' });
    const answer = await new FormBrowser(user).authorize(`${realm}/protocol/openid-connect/auth?${asked}`, redirect);
    await client.#take({ grant_type: 'authorization_code', code: answer.get('code') ?? '', redirect_uri: redirect, code_verifier: verifier });
    return client;
  }

  refresh(): Promise<void> {
    return this.#take({ grant_type: 'refresh_token', refresh_token: this.tokens.refresh_token });
  }

  async call(): Promise<number> {
    const headers = { authorization: `Bearer ${this.tokens.access_token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    return (await fetch(`${origin}/mcp`, { method: 'POST', headers, body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' })).status;
  }

  async #take(parameters: Record<string, string>): Promise<void> {
    const response = await fetch(`${realm}/protocol/openid-connect/token`, { method: 'POST', body: new URLSearchParams({ client_id: this.#id, ...parameters }) });
    if (!response.ok) throw new Error(`token: ${response.status} ${await response.text()}`);
    this.tokens = (await response.json()) as Signed;
  }
}

const kidOf = (token: string) => (JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()) as { kid: string }).kid;
const published = async () => ((await (await fetch(`${realm}/protocol/openid-connect/certs`)).json()) as { keys: { kid: string; use: string }[] }).keys.filter(({ use }) => use === 'sig').map(({ kid }) => kid);

let directory: string;
let clients: Client[];
const file = () => join(directory, 'keep.age');

/** With the tokens from before: a call, a refresh of each kind of session, and a call with what that gave. Nobody signs in. */
async function expectNobodySignsInAgain(): Promise<void> {
  for (const client of clients) {
    expect(await client.call()).toBe(200);
    await client.refresh();
    expect(await client.call()).toBe(200);
  }
}

/** The backup with its volumes only, whose restore leaves Keycloak alone. */
async function withoutDatabase(to: string, keys: KeyOptions): Promise<void> {
  const { parts: _, format: __, ...facts } = await verify(file(), await decrypter(keys));
  const read = (wanted: string) => async function* () {
    for await (const { name, content } of parts(file(), await decrypter(keys))) {
      if (name === wanted) yield* content;
      else for await (const _ of content);
    }
  };
  const sources = ['acme', 'data-notes'].map((name) => ({ name, kind: 'volume' as const, read: read(name) }));
  await writeWhole(to, write(sources, facts, await encrypter(keys), () => {}));
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'drawbridge-keep-'));
  const { outputs } = await upWith(rotation);
  const user = outputs.testUser as { username: string; password: string };
  // The one goes on while the browser's session is there, the other without it.
  clients = [await Client.signIn(user, 'openid mcp:read'), await Client.signIn(user, 'openid mcp:read offline_access')];
});
afterAll(async () => {
  await down(options);
  rmSync(directory, { recursive: true });
});

describe('a stack', { timeout: 400_000 }, () => {
  it('whose signing keys, database password and applier secret are rotated, which replaces Keycloak’s container, asks nobody to sign in again', async () => {
    const [before, secrets, keys] = [keep.containers(), keep.generatedSecrets(), clients.map(({ tokens }) => kidOf(tokens.access_token))];
    await upWith({ signingKey: 2, database: 2, applier: 2 });
    const after = keep.containers();
    expect(Object.keys(after).filter((role) => after[role] !== before[role]).sort()).toEqual(['database', 'keycloak']);
    await expectNobodySignsInAgain();
    const renewed = clients.map(({ tokens }) => kidOf(tokens.access_token));
    expect(renewed[0]).not.toBe(keys[0]);
    expect((await published()).sort()).toEqual([keys[0], renewed[0]].sort());
    const now = keep.generatedSecrets();
    expect(now['secrets-database-2']).not.toBe(secrets['secrets-database']);
    const connects = (password: string) => {
      try {
        return docker('exec', '--env', `PGPASSWORD=${password}`, 'drawbridge-keep-database', 'psql', '--host', '127.0.0.1', '--username', 'keycloak', '--tuples-only', '--command', 'SELECT 1');
      } catch {
        return 'refused';
      }
    };
    expect([connects(secrets['secrets-database']!), connects(now['secrets-database-2']!)]).toEqual(['refused', '1']);
  });

  it('is backed up while it runs; a run that is killed leaves nothing under the file’s name, which the next one gives to a whole backup', async () => {
    inBackend('mkdir -p /data/of-one && echo kept > /data/of-one/note && chmod 0600 /data/of-one/note');
    inDatabase("INSERT INTO user_entity (id, username, realm_id, enabled, not_before) SELECT 'left', 'drawbridge-admin-0badad', id, TRUE, 0 FROM realm WHERE name = 'master'");
    const partial = () => readdirSync(directory).filter((name) => name.endsWith('.partial'));
    expect(await interrupted(['backup', '--stack', 'keep', '--to', file()], () => partial().length > 0)).toEqual({ code: 1, said: expect.stringMatching(/Stopping: nothing will be left[^]*Stopped\./) as string });
    expect(readdirSync(directory)).toEqual([]);
    await killed(['backup', '--stack', 'keep', '--to', file()], () => partial().length > 0);
    expect(existsSync(file())).toBe(false);
    await printed('backup', '--stack', 'keep', '--to', file());
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    const before = readFileSync(file());
    expect(await npmRun('backup', '--stack', 'keep', '--to', file())).toMatchObject({ code: 2, stdout: '' });
    expect(readFileSync(file()).equals(before)).toBe(true);
    expect(JSON.parse(await printed('backup', 'verify', file(), '--json'))).toMatchObject({ ok: true, stack: 'keep', keycloak: '26.7.4', parts: [{ name: 'database' }, { name: 'acme' }, { name: 'data-notes' }] });
  });

  it('of which nothing is left continues its sessions on an empty machine, once the backup is restored there', async () => {
    await down(options);
    expect(keep.parts()).toMatchObject({ containers: [], volumes: [], files: [] });
    await upWith({ signingKey: 2, database: 2, applier: 2 });
    const fresh = keep.containers();
    expect(await clients[0]!.call()).toBe(401);

    const command = ['restore', '--stack', 'keep', '--yes'];
    const restore = (...args: string[]) => npmRun(...command, ...args);
    const damaged = join(directory, 'damaged.age');
    const bytes = readFileSync(file());
    writeFileSync(damaged, bytes.subarray(0, bytes.length - 1000));
    writeFileSync(join(directory, 'wrong'), 'a passphrase of another file\n');
    expect(await restore('--from', damaged)).toMatchObject({ code: 1, stderr: expect.stringContaining('nothing was touched') as string });
    expect(await restore('--from', file(), '--passphrase-file', join(directory, 'wrong'))).toMatchObject({ code: 1, stderr: expect.stringContaining('does not open') as string });
    expect(JSON.parse(await printed(...command, '--from', file(), '--dry-run', '--json'))).toMatchObject({ replaced: [], wouldReplace: ['database', 'acme', 'data-notes'], leftOut: [] });
    expect(keep.containers()).toEqual(fresh);
    expect(inBackend('ls /data')).toBe('');

    // At the worst moment: Keycloak stands still.
    await killed([...command, '--from', file()], () => !keep.runs('keycloak'));
    await printed(...command, '--from', file());
    expect(keep.containers()).toEqual(fresh);
    await expectNobodySignsInAgain();
    // Somebody whom `admin` had let in at the time of the backup.
    expect(inDatabase("SELECT enabled FROM user_entity WHERE username = 'drawbridge-admin-0badad'")).toBe('f');
    expect(inBackend('cat /data/of-one/note; stat -c "%u %a" /data/of-one/note')).toBe('kept\n1000 600');
  });

  it('is whole after a Ctrl-C in a restore; after one that was killed it is not, and no backup takes half of a volume for all of it', async () => {
    const volumes = join(directory, 'volumes.age');
    writeFileSync(join(directory, 'passphrase'), PASSPHRASE);
    await withoutDatabase(volumes, { passphraseFile: join(directory, 'passphrase') });
    const restore = ['restore', '--stack', 'keep', '--yes', '--from', volumes];
    const acmeIsReplaced = () => !keep.runs('certificates');
    inBackend('echo later > /data/later');
    expect(await interrupted(restore, acmeIsReplaced)).toEqual({ code: 1, said: expect.stringMatching(/Stopping as soon as[^]*restored acme[^]*Stopped\.\nRun the same command again:/) as string });
    expect(keep.runs('certificates')).toBe(true);
    expect(inBackend('cat /data/later')).toBe('later');
    await printed('backup', '--stack', 'keep', '--to', join(directory, 'between.age'));

    await killed(restore, acmeIsReplaced);
    const half = await npmRun('backup', '--stack', 'keep', '--to', join(directory, 'half.age'));
    expect(half).toEqual({ code: 1, stdout: '', stderr: expect.stringContaining('ended before acme was whole') as string });
    expect(existsSync(join(directory, 'half.age'))).toBe(false);
    expect((await npmRun('status', '--stack', 'keep')).stdout).toContain('a restore ended before it had put back all of acme');
    await printed(...restore);
    expect(inBackend('ls /data')).toBe('of-one');
    await printed('backup', '--stack', 'keep', '--to', join(directory, 'whole.age'));
  });

  it('which was restored is one that `up` goes on with: it has nothing to do, and its applier gets in with the secret of the new machine', async () => {
    expect((await upWith({ signingKey: 2, database: 2, applier: 2 })).changes).toMatchObject({ create: 0, update: 0, replace: 0, delete: 0 });
    await upWith({ signingKey: 2, database: 2, applier: 3 });
    await expectNobodySignsInAgain();
  });
});
