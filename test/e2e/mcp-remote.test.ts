import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Person } from '../support/browser.ts';
import { ClientHome } from '../support/client-home.ts';
import { outputs, resource } from '../support/outputs.ts';

const program = join(import.meta.dirname, '../../node_modules/.bin/mcp-remote');
const home = new ClientHome();
const opened = join(home.path, 'opened');
const environment = { ...home.environment, BROWSER: join(home.path, 'browser') };

let person: Person;
beforeAll(async () => {
  person = await Person.atBrowser(outputs.testUser);
  // mcp-remote opens a browser by xdg-open, which starts what BROWSER names: here, what hands the URL to the person.
  writeFileSync(environment.BROWSER, `#!/bin/sh\nprintf %s "$1" >'${opened}.part' && mv '${opened}.part' '${opened}'\n`);
  chmodSync(environment.BROWSER, 0o755);
});
afterAll(async () => {
  await person.leave();
  home.remove();
});

/** Signs in where mcp-remote sends its user. @returns the authorization request, and the page that mcp-remote shows at the end. */
async function signInWhereSent(): Promise<{ asked: URLSearchParams; page: string }> {
  const url = await vi.waitFor(() => new URL(readFileSync(opened, 'utf8')), { timeout: 60_000, interval: 200 });
  return { asked: url.searchParams, page: await person.follow(url, url.searchParams.get('redirect_uri')!) };
}

/** A client that knows only stdio, by way of mcp-remote. @param memory directory of what mcp-remote remembers */
async function throughMcpRemote<T>(options: readonly string[], meanwhile: Promise<T>, memory = home.path): Promise<{ client: Client; seen: T }> {
  const client = new Client({ name: 'behind-mcp-remote', version: '1' });
  const args = [program, resource.url, '--transport', 'http-only', '--auth-timeout', '60', ...options];
  const transport = new StdioClientTransport({ command: process.execPath, args, env: { ...environment, MCP_REMOTE_CONFIG_DIR: memory }, stderr: 'ignore' });
  const [, seen] = await Promise.all([client.connect(transport, { timeout: 90_000 }), meanwhile]);
  return { client, seen };
}

async function uses(client: Client): Promise<void> {
  expect((await client.listTools()).tools.map(({ name }) => name)).toContain('whoami');
  expect(JSON.stringify(await client.callTool({ name: 'whoami', arguments: {} }))).toContain(outputs.testUser.username);
  await client.close();
}

describe('mcp-remote', () => {
  it('registers itself, sends its user to sign in, and lets a client on stdio list and call tools', async () => {
    const { client, seen } = await throughMcpRemote([], signInWhereSent());
    expect(seen.asked.get('resource')).toBe(resource.url);
    expect(seen.asked.get('code_challenge_method')).toBe('S256');
    expect(seen.page).toMatch(/success|close/i);
    await uses(client);
  });

  it('remembers its user when it is started again', async () => {
    rmSync(opened);
    const { client } = await throughMcpRemote([], Promise.resolve());
    await uses(client);
    expect(existsSync(opened)).toBe(false);
  });

  it('needs no registration where it is given the id that was made for it', async () => {
    const given = ['--static-oauth-client-info', JSON.stringify({ client_id: outputs.clients['mcp-remote'] })];
    const { client, seen } = await throughMcpRemote(given, signInWhereSent(), join(home.path, 'anew'));
    expect(seen.asked.get('client_id')).toBe(outputs.clients['mcp-remote']);
    await uses(client);
  });
});
