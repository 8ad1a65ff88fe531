import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Feature } from '../../keycloak/features.ts';
import { keycloakOptions } from '../../keycloak/options.ts';

const project = join(import.meta.dirname, '../..');
const execute = promisify(execFile);
const docker = async (...args: string[]) => (await execute('docker', args, { cwd: project, maxBuffer: 2 ** 26 })).stdout.trim();

/** A Keycloak that tests may use up: its base URL, and what its first start was told. */
export interface KeycloakPlace {
  readonly url: string;
  /** Where its one port is published, on the loopback address. */
  readonly port: number;
  /** Name of a stack of which this could be the Keycloak. */
  readonly stack: string;
  readonly bootstrap: { readonly clientId: string; readonly clientSecret: string };
  /** Runs the image's way back in. */
  recover(): Promise<void>;
  log(): Promise<string>;
  remove(): Promise<void>;
}

export interface KeycloakChoices {
  /** In its public URL. Default: localhost. */
  readonly host?: string;
  /** Options of Keycloak beside those of a stack. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly features?: readonly Feature[];
  /** Hosts that Keycloak itself may call; this machine is host.docker.internal. */
  readonly outgoingHosts?: readonly string[];
}

/** Keycloak from our image, on a PostgreSQL of its own, with the same limits as in a stack. */
export async function startKeycloak({ host = 'localhost', environment = {}, features = [], outgoingHosts = [] }: KeycloakChoices = {}): Promise<KeycloakPlace> {
  const stack = `keycloaktest-${randomBytes(3).toString('hex')}`;
  const name = `drawbridge-${stack}`;
  const bootstrap = { clientId: 'drawbridge-bootstrap', clientSecret: randomBytes(16).toString('hex') };
  const password = randomBytes(16).toString('hex');
  const remove = async () => {
    await docker('rm', '--force', '--volumes', `${name}-keycloak`, `${name}-database`);
    await docker('network', 'rm', name);
    await docker('rmi', '--force', name);
  };
  const [keycloakBase, database] = [await base('keycloak'), await base('postgres')];
  await docker('build', '--quiet', '--file', 'keycloak/Dockerfile', '--build-arg', `BASE=${keycloakBase}`, '--build-arg', `FEATURES=${features.join(',')}`, '--tag', name, '.');
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
  const url = `http://${host}:${port}/auth`;
  const env = {
    ...keycloakOptions({ baseUrl: url, database: { host: 'database', database: 'keycloak', username: 'keycloak' }, outgoingHosts }),
    KC_DB_PASSWORD: password,
    KC_BOOTSTRAP_ADMIN_CLIENT_ID: bootstrap.clientId,
    KC_BOOTSTRAP_ADMIN_CLIENT_SECRET: bootstrap.clientSecret,
    ...environment,
  };
  await until('the database answers', () => docker('exec', `${name}-database`, 'pg_isready', '--username', 'keycloak', '--host', '127.0.0.1'));
  await run('keycloak', name, env, '--user', '1000:0', '--tmpfs', '/opt/keycloak/data:uid=1000,gid=0,mode=0700', '--publish', `127.0.0.1:${port}:8080`, '--add-host', 'host.docker.internal:host-gateway');
  await until('Keycloak is healthy', () => docker('exec', `${name}-keycloak`, '/opt/keycloak/health.sh'));
  return {
    url,
    port,
    stack,
    bootstrap,
    recover: async () => void (await docker('exec', `${name}-keycloak`, '/opt/keycloak/recover.sh')),
    log: async () => {
      const { stdout, stderr } = await execute('docker', ['logs', `${name}-keycloak`], { maxBuffer: 2 ** 26 });
      return stdout + stderr;
    },
    remove,
  };
}

export async function base(name: string): Promise<string> {
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

export async function freePort(): Promise<number> {
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
