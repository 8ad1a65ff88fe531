import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { keycloakOptions } from '../../keycloak/options.ts';

const project = join(import.meta.dirname, '../..');
const execute = promisify(execFile);
const docker = async (...args: string[]) => (await execute('docker', args, { cwd: project, maxBuffer: 2 ** 26 })).stdout.trim();

/** A Keycloak that tests may use up: its base URL, and what its first start was told. */
export interface KeycloakPlace {
  readonly url: string;
  readonly bootstrap: { readonly clientId: string; readonly clientSecret: string };
  /** Runs the image's way back in. */
  recover(): Promise<void>;
  log(): Promise<string>;
  remove(): Promise<void>;
}

/** Keycloak from our image, on a PostgreSQL of its own, with the same limits as in a stack. */
export async function startKeycloak(): Promise<KeycloakPlace> {
  const name = `drawbridge-keycloaktest-${randomBytes(3).toString('hex')}`;
  const bootstrap = { clientId: 'drawbridge-bootstrap', clientSecret: randomBytes(16).toString('hex') };
  const password = randomBytes(16).toString('hex');
  const remove = async () => {
    await docker('rm', '--force', '--volumes', `${name}-keycloak`, `${name}-database`);
    await docker('network', 'rm', name);
    await docker('rmi', '--force', name);
  };
  const [keycloakBase, database] = [await base('keycloak'), await base('postgres')];
  await docker('build', '--quiet', '--file', 'keycloak/Dockerfile', '--build-arg', `BASE=${keycloakBase}`, '--tag', name, '.');
  await docker('network', 'create', name);
  const run = (role: string, image: string, env: Record<string, string>, ...options: string[]) =>
    docker(
      ...['run', '--detach', '--name', `${name}-${role}`, '--network', name, '--network-alias', role],
      ...['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--memory', '1g', '--tmpfs', '/tmp'],
      ...Object.entries(env).flatMap(([key, value]) => ['--env', `${key}=${value}`]),
      ...options,
      image,
    );
  const postgres = { POSTGRES_USER: 'keycloak', POSTGRES_DB: 'keycloak', POSTGRES_PASSWORD: password };
  const postgresTmpfs = ['/run/postgresql', '/var/lib/postgresql/data'].flatMap((path) => ['--tmpfs', `${path}:uid=999,gid=999,mode=0700`]);
  await run('database', database, postgres, '--user', '999:999', ...postgresTmpfs);
  const port = await freePort();
  const url = `http://localhost:${port}/auth`;
  const env = {
    ...keycloakOptions({ baseUrl: url, database: { host: 'database', database: 'keycloak', username: 'keycloak' } }),
    KC_DB_PASSWORD: password,
    KC_BOOTSTRAP_ADMIN_CLIENT_ID: bootstrap.clientId,
    KC_BOOTSTRAP_ADMIN_CLIENT_SECRET: bootstrap.clientSecret,
  };
  await until('the database answers', () => docker('exec', `${name}-database`, 'pg_isready', '--username', 'keycloak', '--host', '127.0.0.1'));
  await run('keycloak', name, env, '--user', '1000:0', '--tmpfs', '/opt/keycloak/data:uid=1000,gid=0,mode=0700', '--publish', `127.0.0.1:${port}:8080`);
  await until('Keycloak is healthy', () => docker('exec', `${name}-keycloak`, '/opt/keycloak/health.sh'));
  return {
    url,
    bootstrap,
    recover: async () => void (await docker('exec', `${name}-keycloak`, '/opt/keycloak/recover.sh')),
    log: async () => {
      const { stdout, stderr } = await execute('docker', ['logs', `${name}-keycloak`], { maxBuffer: 2 ** 26 });
      return stdout + stderr;
    },
    remove,
  };
}

async function base(name: string): Promise<string> {
  const { stdout } = await execute(process.execPath, ['images/base.ts', name], { cwd: project });
  return (JSON.parse(stdout.trim().split('\n').at(-1)!) as { image: string }).image;
}

async function until(what: string, attempt: () => Promise<unknown>): Promise<void> {
  for (const deadline = Date.now() + 180_000; ; await delay(300)) {
    const problem = await attempt().then(
      () => undefined,
      (error: unknown) => error,
    );
    if (problem === undefined) return;
    if (Date.now() > deadline) throw new Error(`not within 180 s: ${what}`, { cause: problem });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The applier as a process of its own, as it runs in its container. */
export interface ApplierRun {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param signal kills it with SIGKILL */
export async function runApplier(input: unknown, signal?: AbortSignal): Promise<ApplierRun> {
  const child = spawn(process.execPath, ['keycloak/apply.ts'], { cwd: project });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data) => (stdout += data));
  child.stderr.on('data', (data) => (stderr += data));
  signal?.addEventListener('abort', () => child.kill('SIGKILL'));
  child.stdin.end(JSON.stringify(input));
  const exitCode = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { exitCode, stdout, stderr };
}

/** A person with a browser that understands forms, redirects and cookies, and agrees to everything. */
export class FormBrowser {
  readonly #cookies = new Map<string, string>();
  readonly #login: { username: string; password: string };

  constructor(login: { username: string; password: string }) {
    this.#login = login;
  }

  /** Follows an authorization request to its end. @returns the parameters of the redirect, or the page it ended on. */
  async authorize(url: string, redirectUri: string): Promise<URLSearchParams> {
    let response = await this.#request(url);
    for (let steps = 0; steps < 10; steps++) {
      const location = response.headers.get('location');
      if (location?.startsWith(redirectUri)) return new URL(location).searchParams;
      if (location) {
        response = await this.#request(new URL(location, url).href);
        continue;
      }
      const page = await response.text();
      const action = /action="([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&');
      if (!action) return new URLSearchParams({ error: `page ${response.status}` });
      const consent = /name="code" value="([^"]*)"/.exec(page)?.[1];
      const body = page.includes('name="accept"') ? { accept: 'Yes', ...(consent ? { code: consent } : {}) } : this.#login;
      response = await this.#request(new URL(action, url).href, { method: 'POST', body: new URLSearchParams(body as Record<string, string>) });
    }
    throw new Error('the sign-in does not end');
  }

  async #request(url: string, init: RequestInit = {}): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, { ...init, redirect: 'manual', headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.#cookies.set(name, value);
    }
    return response;
  }
}

/** A PKCE pair (RFC 7636). */
export function pkce(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}
