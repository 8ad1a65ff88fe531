import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import { createInterface } from 'node:readline';
import type { Browser, Page } from 'playwright-core';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signIn } from '../../keycloak/applier/connection.ts';
import { projectDirectory } from '../../cli/stack-file.ts';
import { openBrowser } from '../support/browser.ts';
import { type KeycloakPlace, startKeycloak } from './room.ts';
import { answers, sshTunnel } from './ssh-tunnel.ts';

/** The end of the tunnel that an administrator would have on a machine of their own. */
const FAR_END = '127.0.0.2';

let place: KeycloakPlace;
let tunnel: { close: () => void };
let command: ChildProcessWithoutNullStreams;
let said = '';
let access: { url: string; username: string; password: string };
let browser: Browser;
let page: Page;
/** Every host that the page asked for something. */
const asked = new Set<string>();

/** The machine of the administrator, whose loopback address has the end of the tunnel and nothing else: as the browser's proxy. */
const machine: Server = createServer((incoming, outgoing) => {
  const { host, pathname, search } = new URL(incoming.url!);
  if (host !== `localhost:${place.port}`) return void outgoing.writeHead(502).end();
  const onward = request({ host: FAR_END, port: place.port, path: `${pathname}${search}`, method: incoming.method, headers: incoming.headers }, (answer) => {
    outgoing.writeHead(answer.statusCode!, answer.headers);
    answer.pipe(outgoing);
  });
  onward.on('error', () => outgoing.writeHead(502).end());
  incoming.pipe(onward);
});

async function browse(): Promise<Page> {
  browser = await openBrowser(machine);
  const opened = await browser.newPage();
  opened.on('request', (asking) => asked.add(new URL(asking.url()).host));
  return opened;
}

beforeAll(async () => {
  // The public name is one that nothing answers at: whatever leads there fails.
  place = await startKeycloak({ host: 'mcp.example.org' });
  command = spawn(process.execPath, ['cli/launch.js', 'admin', '--stack', place.stack, '--json'], { cwd: projectDirectory });
  command.stderr.on('data', (data) => (said += data));
  for await (const line of createInterface({ input: command.stdout })) {
    access = JSON.parse(line) as typeof access;
    break;
  }
  if (!access) throw new Error(`no way in: ${said}`);
}, 400_000);
afterAll(async () => {
  await browser?.close();
  command?.kill('SIGKILL');
  tunnel?.close();
  await place?.remove();
});

describe('npm run admin', () => {
  it('says where the console is, who may sign in, and how to get there from elsewhere', async () => {
    expect(access).toEqual({ url: `http://localhost:${place.port}/auth/admin/master/console/`, username: expect.stringMatching(/^drawbridge-admin-[0-9a-f]{6}$/), password: expect.stringMatching(/^[\w-]{24}$/) });
    await expect.poll(() => said).toContain(`ssh -L ${place.port}:127.0.0.1:${place.port} `);
  });

  it('is one at a time: a second would delete the first one’s account', async () => {
    const second = spawn(process.execPath, ['cli/launch.js', 'admin', '--stack', place.stack], { cwd: projectDirectory, stdio: ['pipe', 'ignore', 'pipe'] });
    const [words, [code]] = await Promise.all([text(second.stderr), once(second, 'exit')]);
    expect([code, words]).toEqual([1, expect.stringContaining('Another run is at work on this stack')]);
  });

  it('leads to a console that works through an SSH tunnel, with all it loads and its sign-in there, and nowhere without one', { timeout: 180_000 }, async () => {
    expect(await answers(FAR_END, place.port)).toBe(false);
    tunnel = await sshTunnel(FAR_END, place.port);
    page = await browse();
    await page.goto(access.url);
    await page.fill('#username', access.username);
    await page.fill('#password', access.password);
    await page.click('#kc-login');
    // The list of realms, which the console asks the admin API for.
    await page.getByText('master').first().waitFor({ timeout: 60_000 });
    expect(new URL(page.url()).origin).toBe(new URL(access.url).origin);
    expect([...asked]).toEqual([`localhost:${place.port}`]);
  });

  it('leaves the issuer of the public realms alone', async () => {
    const answer = await fetch(`http://127.0.0.1:${place.port}/auth/realms/master/.well-known/openid-configuration`);
    expect(((await answer.json()) as { issuer: string }).issuer).toBe(`http://localhost:${place.port}/auth/realms/master`);
    const bootstrap = await signIn(`http://localhost:${place.port}/auth`, 'master', place.bootstrap);
    await bootstrap!.realms.create({ realm: 'main', enabled: true });
    const main = await fetch(`http://127.0.0.1:${place.port}/auth/realms/main/.well-known/openid-configuration`);
    expect(((await main.json()) as { issuer: string }).issuer).toBe(`${place.url}/realms/main`);
  });

  it('takes the account away when it ends: the password is good for nothing, and the browser is signed out', { timeout: 60_000 }, async () => {
    command.stdin.write('\n');
    const [code] = (await once(command, 'exit')) as [number];
    expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining(`Deleted ${access.username}.`) });
    const answer = await fetch(`http://localhost:${place.port}/auth/realms/master/protocol/openid-connect/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', username: access.username, password: access.password }),
    });
    expect(await answer.json()).toMatchObject({ error: 'invalid_grant', error_description: 'Invalid user credentials' });
    await page.goto(access.url);
    await page.locator('#password').waitFor({ timeout: 30_000 });
  });

  it('prints its password nowhere but to who ran it', async () => {
    expect(await place.log()).not.toContain(access.password);
    expect(said).not.toContain(access.password);
  });
});
