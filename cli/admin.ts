import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Container } from 'dockerode';
import { takeLock } from '../engine/lock.ts';
import { openRelay, openTunnel } from '../host/tunnel.ts';
import { isLoopback } from '../host/where.ts';
import { adminEndpoints } from '../infra/endpoints.ts';
import { closeConsole, type Credentials, openConsole, TEMPORARY } from '../keycloak/administrator.ts';
import { connect, type EngineAddress } from './docker.ts';
import { CommandError } from './errors.ts';
import { execute } from './execute.ts';
import { untilEnded } from './interrupt.ts';
import { requireEngine } from './prepare.ts';
import { stateDirectory } from './stack-file.ts';
import { objectName, stackOption } from './stack-name.ts';
import { enginesOfStack } from './standing-stack.ts';
import { createTerminal } from './terminal.ts';

export interface AdminOptions {
  stack: string;
  json?: boolean;
}

/**
 * Lets a person in to Keycloak's admin console, which the front never shows, for as long as the command runs: makes an
 * administrator, opens the way there, and deletes the account at the end.
 * @throws CommandError where Keycloak does not run, or is in its container network only
 */
export async function admin({ stack, json = false }: AdminOptions): Promise<void> {
  const terminal = createTerminal({ json });
  const engines = enginesOfStack(stack);
  if (engines.includes(undefined)) await requireEngine();
  const { engine, container, address, port } = await findKeycloak(stack, engines);
  const credentials = { username: `${TEMPORARY}${randomBytes(3).toString('hex')}`, password: randomBytes(18).toString('base64url') };
  // Each run deletes the accounts of others.
  const release = takeLock(join(stateDirectory, `${stack}.admin.lock`));
  const ending = untilEnded(terminal);
  let close: (() => void) | undefined;
  try {
    const way = await openWay(engine, address, port);
    close = way.close;
    const { baseUrl, consoleUrl } = adminEndpoints(way.port);
    terminal.say('Making an administrator, which takes Keycloak some seconds …');
    await makeAdministrator(container, credentials);
    let deleted = false;
    try {
      for (const username of await reaching(baseUrl, engine, openConsole(baseUrl, credentials))) terminal.say(`Deleted ${username}, whom an earlier run had left.`);
      if (!ending.aborted) {
        if (json) console.log(JSON.stringify({ url: consoleUrl, ...credentials }));
        terminal.say(`Admin console      ${consoleUrl}${engine ? `   (through ssh, on ${engine})` : ''}`);
        if (!json) terminal.say(`Sign in as         ${credentials.username}   password  ${credentials.password}`);
        if (!engine) terminal.say(`From elsewhere     first  ssh -L ${way.port}:${address}:${port} ${hostname()}   then the same URL there`);
        terminal.say('The account is there until this command ends: press Enter.');
        await once(ending, 'abort');
      }
    } finally {
      deleted = await reaching(baseUrl, engine, closeConsole(baseUrl, credentials));
    }
    terminal.say(deleted ? `Deleted ${credentials.username}.` : `${credentials.username} can sign in no more: somebody else, or another run of this command, has deleted or locked the account. The next run deletes what is left.`);
  } finally {
    close?.();
    release();
  }
}

/** The way to it from this machine's loopback address, the only one at which a browser lets the console work over plain HTTP. */
async function openWay(engine: EngineAddress, address: string, port: number): Promise<{ port: number; close?: () => void }> {
  if (engine !== undefined) return { port, close: await openTunnel(engine, port, `${address}:${port}`) };
  return isLoopback(address) ? { port } : openRelay(address.replace(/^\[|\]$/g, ''), port);
}

/** @throws CommandError where nothing answers there */
async function reaching<T>(url: string, engine: EngineAddress, request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    // What fetch throws where there is no connection.
    if (!(error instanceof TypeError)) throw error;
    const why = error.cause instanceof Error ? error.cause.message : error.message;
    throw new CommandError(`Keycloak is not reached at ${url}${engine ? `, this end of the ssh tunnel to ${engine}` : ''}: ${why}`, ['Run the command again: it deletes the account that this run has made.']);
  }
}

/** Keycloak's container, and where its machine reaches it: on the loopback address, or the one that a proxy elsewhere comes to. */
async function findKeycloak(stack: string, engines: readonly EngineAddress[]): Promise<{ engine: EngineAddress; container: Container; address: string; port: number }> {
  for (const engine of engines) {
    const container = (await connect(engine)).getContainer(objectName(stack, 'keycloak'));
    const found = await container.inspect().catch((error: { statusCode?: number }) => {
      if (error.statusCode === 404) return undefined;
      throw error;
    });
    if (!found?.State.Running) continue;
    const [published] = Object.values(found.NetworkSettings.Ports).flatMap((bindings) => bindings ?? []);
    if (!published) throw new CommandError(`Keycloak of stack ${stack} is in its container network only, as always in profile local.`, ['Give the stack the profile preview or production to administer it.']);
    const { HostIp: address, HostPort } = published;
    return { engine, container, address: address.includes(':') ? `[${address}]` : address, port: Number(HostPort) };
  }
  throw new CommandError(`Keycloak of stack ${stack} does not run on ${engines.map((engine) => engine ?? 'this machine').join(' or ')}.`, [
    `\`npm run up${stackOption(stack)}\` or \`pulumi up\` starts it. Where it is on another machine, \`drawbridge:deploy\` or DOCKER_HOST has to say so here.`,
  ]);
}

/** Secrets go by the environment of the process in the container: a command line is readable by every process of the host. */
async function makeAdministrator(container: Container, { username, password }: Credentials): Promise<void> {
  const { code, stdout, stderr } = await execute(container, ['sh', '/opt/keycloak/recover.sh', 'user'], { ADMIN_USERNAME: username, ADMIN_PASSWORD: password });
  if (code !== 0) throw new CommandError('Keycloak did not make the administrator:', `${stdout}${stderr}`.trim().split('\n').slice(-5));
}
