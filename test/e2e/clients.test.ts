import * as v2 from '@modelcontextprotocol/client';
import { Client as V1Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as V1Transport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Person } from '../support/browser.ts';
import { OAuthMemory } from '../support/oauth-memory.ts';
import { outputs, resource } from '../support/outputs.ts';

/** One MCP client of some SDK, reduced to what a user does with it. */
interface McpClient {
  connect(): Promise<void>;
  finishSignIn(callback: URLSearchParams): Promise<void>;
  listTools(): Promise<string[]>;
  callTool(name: string, args?: Record<string, unknown>): Promise<string>;
  protocolVersion(): string | undefined;
  close(): Promise<void>;
}

type Connected = { client: v2.Client | V1Client; transport: v2.StreamableHTTPClientTransport | V1Transport };

/** The SDKs' clients differ in their types, not in their calls. A sign-in needs a new connection afterwards. */
function mcpClient(create: () => Connected, authorized: (transport: Connected['transport'], callback: URLSearchParams) => Promise<void>): McpClient {
  let current = create();
  return {
    async connect() {
      await (current.client as v2.Client).connect(current.transport as v2.StreamableHTTPClientTransport);
    },
    async finishSignIn(callback) {
      await authorized(current.transport, callback);
      await current.client.close();
      current = create();
    },
    async listTools() {
      return (await current.client.listTools()).tools.map((tool) => tool.name);
    },
    async callTool(name, args = {}) {
      const result = await (current.client as v2.Client).callTool({ name, arguments: args });
      return result.content.map((part) => (part.type === 'text' ? part.text : '')).join('');
    },
    protocolVersion: () => current.transport.protocolVersion,
    close: () => current.client.close(),
  };
}

const information = { name: 'drawbridge-e2e', version: '1.0.0' };
const sdks = {
  'SDK v2, newest protocol': (memory: OAuthMemory) =>
    mcpClient(
      () => ({
        client: new v2.Client(information, { versionNegotiation: { mode: 'auto' } }),
        transport: new v2.StreamableHTTPClientTransport(new URL(resource.url), { authProvider: memory }),
      }),
      (transport, callback) => (transport as v2.StreamableHTTPClientTransport).finishAuth(callback),
    ),
  'SDK v1': (memory: OAuthMemory) =>
    mcpClient(
      () => ({ client: new V1Client(information), transport: new V1Transport(new URL(resource.url), { authProvider: memory }) }),
      (transport, callback) => (transport as V1Transport).finishAuth(callback.get('code')!),
    ),
};

let person: Person;
beforeAll(async () => {
  person = await Person.atBrowser(outputs.testUser);
});
afterAll(() => person.leave());

describe.each(Object.entries(sdks))('a client of %s that knows nothing but the URL', (name, create) => {
  const memory = new OAuthMemory(`drawbridge e2e, ${name}`);
  const client = create(memory);
  afterAll(() => client.close());

  const signIn = async () => {
    const callback = await person.authorize(memory.authorizationUrl!, memory.redirectUrl);
    expect(callback.get('state')).toBe(memory.expectedState);
    expect(callback.get('iss')).toBe(outputs.issuer); // RFC 9207
    await client.finishSignIn(callback);
    await client.connect();
  };

  it('is sent from the 401 through the metadata and its own registration to the authorization server', async () => {
    await expect(client.connect()).rejects.toThrow();
    expect(memory.registered?.client_id).toBeTruthy();
    const asked = memory.authorizationUrl!;
    expect(asked.href.startsWith(outputs.issuer)).toBe(true);
    expect(asked.searchParams.get('code_challenge_method')).toBe('S256');
    expect(asked.searchParams.get('resource')).toBe(resource.url); // RFC 8707
    expect(asked.searchParams.get('scope')?.split(' ')).toContain('mcp:read');
  });

  it('connects after its user has signed in, with a token for this resource alone', async () => {
    await signIn();
    const claims = decodeJwt(memory.granted!.access_token);
    expect(claims.iss).toBe(outputs.issuer);
    expect([claims.aud].flat()).toEqual([resource.url]);
    expect(String(claims.scope).split(' ')).not.toContain('mcp:write');
  });

  it('lists and calls tools as the user who signed in', async () => {
    expect(await client.listTools()).toEqual(expect.arrayContaining(['whoami', 'echo', 'wait', 'note_read', 'note_write']));
    expect(await client.callTool('whoami')).toContain(outputs.testUser.username);
    expect(await client.callTool('echo', { message: 'across the moat' })).toContain('across the moat');
  });

  it('steps up to mcp:write when a tool needs it, and keeps what it had (MCP authorization, scope challenge handling)', async () => {
    memory.authorizationUrl = undefined;
    // SDK v1 answers a 403 with a refresh where it can, which never widens the scope: its host drops the refresh token.
    if (name === 'SDK v1') memory.granted = { ...memory.granted!, refresh_token: undefined };
    await expect(client.callTool('note_write', { text: name })).rejects.toThrow();
    expect(memory.authorizationUrl!.searchParams.get('scope')?.split(' ')).toEqual(expect.arrayContaining(['mcp:read', 'mcp:write']));
    await signIn();
    await client.callTool('note_write', { text: name });
    expect(await client.callTool('note_read')).toContain(name);
  });

  it('goes on with its refresh token when the access token is refused, without asking its user again', async () => {
    const before = memory.granted!;
    expect(before.refresh_token).toBeTruthy();
    memory.granted = { ...before, access_token: 'expired' };
    memory.authorizationUrl = undefined;
    expect(await client.callTool('echo', { message: 'still here' })).toContain('still here');
    expect(memory.authorizationUrl).toBeUndefined();
    expect(memory.granted.access_token).not.toBe('expired');
    expect(memory.granted.refresh_token).not.toBe(before.refresh_token); // rotated: OAuth 2.1 §4.3.1
  });
});
