import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { Person } from '../support/browser.ts';
import { ClientHome } from '../support/client-home.ts';
import { outputs, resource } from '../support/outputs.ts';

// The web page of MCP Inspector 2 with its own Node process behind it, as `npx @modelcontextprotocol/inspector` starts them.
const program = join(import.meta.dirname, '../../node_modules/.bin/mcp-inspector');
const origin = 'http://127.0.0.1:6274';
const home = new ClientHome();

let person: Person;
let inspector: ChildProcess;
beforeAll(async () => {
  person = await Person.atBrowser(outputs.testUser);
  const environment = { ...home.environment, MCP_AUTO_OPEN_ENABLED: 'false', MCP_INSPECTOR_SECRET_STORE: 'memory', DANGEROUSLY_OMIT_AUTH: 'true' };
  inspector = spawn(process.execPath, [program, '--web', '--transport', 'http', '--server-url', resource.url], { env: environment, stdio: 'ignore' });
  await vi.waitFor(() => fetch(origin), { timeout: 30_000, interval: 300 });
});
afterAll(async () => {
  inspector.kill();
  await person.leave();
  home.remove();
});

it('MCP Inspector connects from its page, sends its user to sign in, lists the tools and calls one', async () => {
  const page = await person.open();
  await page.goto(origin);
  // The box of the switch lies over it.
  await page.getByRole('switch', { name: /^Connect or disconnect/ }).click({ force: true });
  await page.waitForURL((url) => url.href.startsWith(outputs.issuer));
  const asked = new URL(page.url()).searchParams;
  expect(asked.get('redirect_uri')).toBe(`${origin}/oauth/callback`);
  expect(asked.get('resource')).toBe(resource.url);
  expect(asked.get('scope')).toBe('mcp:read offline_access');
  await person.goThrough(page, page.waitForURL((url) => url.href.startsWith(origin)));
  await page.getByText('Authentication succeeded').waitFor();
  await page.getByRole('radiogroup').first().getByText('Tools').click();
  await page.getByRole('button', { name: 'whoami' }).click();
  await page.getByRole('button', { name: 'Execute Tool' }).click();
  await page.getByTestId('tools-screen').getByText(`"${outputs.testUser.username}"`).first().waitFor();
});
