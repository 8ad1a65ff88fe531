import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { promisify } from 'node:util';
import { Client as V2Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCaCertificate } from '../../cli/ca-certificate.ts';
import { down, up } from '../../engine/index.ts';
import { Person } from '../support/browser.ts';
import { testStack } from '../support/deploy-with-engine.ts';
import { challengeOf, mcpRequest } from '../support/mcp-request.ts';
import { OAuthMemory } from '../support/oauth-memory.ts';
import { StandingStack } from '../support/standing-stack.ts';

const config = { 'drawbridge:profile': 'local', 'drawbridge:localPort': 18447 };
const options = testStack('auth', config);
const stack = new StandingStack(options);
const url = 'https://localhost:18447/mcp';
const metadata = 'https://localhost:18447/.well-known/oauth-protected-resource/mcp';
const directory = mkdtempSync(join(tmpdir(), 'drawbridge-auth-'));
const certificate = join(directory, 'ca.pem');
const own = ['backend-mcp', 'certificates', 'front', 'pebble', 'server'];

interface Outputs {
  bearerToken?: string;
  testUser?: { username: string; password: string };
}

/** One config key, on the stack that stands. */
async function switchTo(auth: 'none' | 'bearer' | 'oauth'): Promise<Outputs> {
  const { outputs } = await up({ ...options, config: { ...config, 'drawbridge:auth': auth } });
  const ca = await readCaCertificate(options.stack);
  writeFileSync(certificate, ca!);
  setDefaultCACertificates([...getCACertificates('default'), ca!]);
  return outputs as Outputs;
}

const bin = (name: string) => join(options.projectDirectory, 'node_modules/.bin', name);
const environment = { PATH: process.env.PATH!, HOME: directory, NODE_EXTRA_CA_CERTS: certificate, MCP_REMOTE_CONFIG_DIR: directory };

/** A client that knows only stdio, by way of mcp-remote. */
async function throughMcpRemote(token: string): Promise<Client> {
  const args = [bin('mcp-remote'), url, '--transport', 'http-only', '--header', `Authorization: Bearer ${token}`];
  const client = new Client({ name: 'behind-mcp-remote', version: '1' });
  await client.connect(new StdioClientTransport({ command: process.execPath, args, env: environment, stderr: 'ignore' }));
  return client;
}

async function inspect(token: string, ...args: string[]): Promise<string> {
  const all = ['--cli', '--transport', 'http', '--server-url', url, '--header', `Authorization: Bearer ${token}`, ...args];
  return (await promisify(execFile)(bin('mcp-inspector'), all, { env: environment, timeout: 60_000 })).stdout;
}

/** Each test takes over what the one before has left. */
describe('auth, one config key on a running stack', { timeout: 300_000 }, () => {
  let token = '';

  beforeAll(() => down(options), 300_000);
  afterAll(async () => {
    await down(options);
    rmSync(directory, { recursive: true });
  }, 300_000);

  it('none: lets everyone in, says so loudly in the log, and stands up no authorization server', async () => {
    await switchTo('none');
    expect(Object.keys(stack.containers()).sort()).toEqual(own);
    const whoami = await mcpRequest({ url, tool: 'whoami' });
    expect(whoami.status).toBe(200);
    expect(await whoami.text()).toContain('anonymous');
    expect(execFileSync('docker', ['logs', 'drawbridge-auth-server'], { encoding: 'utf8' })).toMatch(/"warn".*DANGER/);
  });

  it('none → bearer: who has no token, or a wrong one, is refused without being sent to sign in anywhere', async () => {
    token = (await switchTo('bearer')).bearerToken!;
    expect(token.length).toBeGreaterThanOrEqual(32);
    for (const refused of [await mcpRequest({ url }), await mcpRequest({ url, token: `${token}x` })]) {
      expect(refused.status).toBe(401);
      expect(challengeOf(refused)).not.toHaveProperty('resource_metadata');
    }
    expect((await fetch(metadata)).status).toBe(404);
    expect((await mcpRequest({ url, token })).status).toBe(200);
  });

  it('bearer: mcp-remote --header connects and calls', async () => {
    const client = await throughMcpRemote(token);
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('note_write');
    expect(JSON.stringify(await client.callTool({ name: 'whoami', arguments: {} }))).toContain('drawbridge');
    await client.close();
  });

  it('bearer: the Inspector connects and calls', async () => {
    expect(await inspect(token, '--method', 'tools/list')).toContain('note_write');
    expect(await inspect(token, '--method', 'tools/call', '--tool-name', 'echo', '--tool-arg', 'message=lowered')).toContain('lowered');
  });

  it('bearer: the token itself is nowhere but in the encrypted state', () => {
    const inspected = execFileSync('docker', ['inspect', ...Object.values(stack.containers())], { encoding: 'utf8' });
    const logged = execFileSync('docker', ['logs', 'drawbridge-auth-server'], { encoding: 'utf8' });
    for (const text of [inspected, logged, stack.stateText()]) expect(text).not.toContain(token);
  });

  it('bearer → oauth: Keycloak stands up, the token opens nothing any more, and a client signs in from nothing but the URL', async () => {
    const { testUser } = await switchTo('oauth');
    expect(Object.keys(stack.containers()).sort()).toEqual([...own, 'database', 'keycloak'].sort());
    const refused = await mcpRequest({ url, token });
    expect(refused.status).toBe(401);
    expect(challengeOf(refused).resource_metadata).toBe(metadata);

    const person = await Person.atBrowser(testUser!);
    const memory = new OAuthMemory('drawbridge auth modes');
    const transport = () => new StreamableHTTPClientTransport(new URL(url), { authProvider: memory });
    const first = transport();
    await expect(new V2Client({ name: 'a', version: '1' }).connect(first)).rejects.toThrow();
    await first.finishAuth(await person.authorize(memory.authorizationUrl!, memory.redirectUrl));
    const client = new V2Client({ name: 'a', version: '1' });
    await client.connect(transport());
    expect(JSON.stringify(await client.callTool({ name: 'whoami', arguments: {} }))).toContain(testUser!.username);
    await client.close();
    await person.leave();
  });

  it('oauth → bearer: nothing of the authorization server is left', async () => {
    await switchTo('bearer');
    expect(Object.keys(stack.containers()).sort()).toEqual(own);
    expect(stack.parts().volumes.join()).not.toContain('database');
  });
});
