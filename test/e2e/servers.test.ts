import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as V1Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as V1Transport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Person } from '../support/browser.ts';
import { mcpRequest } from '../support/mcp-request.ts';
import { OAuthMemory } from '../support/oauth-memory.ts';
import { outputs } from '../support/outputs.ts';
import { RecordingBackend } from '../support/recording-backend.ts';
import { RECORDER_CREDENTIAL, RECORDER_PORT } from '../support/stack-servers.ts';

let person: Person;
const recorder = new RecordingBackend('stateful');
const memories = new Map<string, OAuthMemory>();
const tokenFor = (server: string) => memories.get(server)!.granted!.access_token;
const textOf = (result: { content?: unknown }) => (result.content as { text?: string }[]).map(({ text }) => text ?? '').join('');

/** Signs in to one server from nothing but its URL, and calls it with a client of either SDK. */
async function connect(server: string, sdk: 'v1' | 'v2'): Promise<Client> {
  const url = new URL(outputs.resources[server]!.url);
  const memory = new OAuthMemory(`drawbridge e2e, ${server}`);
  memories.set(server, memory);
  const client = () => (sdk === 'v1' ? (new V1Client({ name: 'e2e', version: '1' }) as unknown as Client) : new Client({ name: 'e2e', version: '1' }, { versionNegotiation: { mode: 'auto' } }));
  const transport = () => (sdk === 'v1' ? (new V1Transport(url, { authProvider: memory }) as unknown as StreamableHTTPClientTransport) : new StreamableHTTPClientTransport(url, { authProvider: memory }));
  const first = transport();
  await expect(client().connect(first)).rejects.toThrow();
  const callback = await person.authorize(memory.authorizationUrl!, memory.redirectUrl);
  await (sdk === 'v1' ? (first as unknown as V1Transport).finishAuth(callback.get('code')!) : first.finishAuth(callback));
  const connected = client();
  await connected.connect(transport());
  return connected;
}

beforeAll(async () => {
  await recorder.start(RECORDER_PORT, '0.0.0.0');
  person = await Person.atBrowser(outputs.testUser);
});
afterAll(async () => {
  await person.leave();
  await recorder.stop();
});

describe.each(['v1', 'v2'] as const)('a client of SDK %s that knows nothing but the URL, after its user has signed in,', (sdk) => {
  it('uses server-everything over stdio: tools, resources, prompts, progress', async () => {
    const client = await connect('everything', sdk);
    expect(textOf(await client.callTool({ name: 'echo', arguments: { message: 'hello' } }))).toContain('hello');
    expect((await client.listResources()).resources.length).toBeGreaterThan(0);
    expect((await client.listPrompts()).prompts.length).toBeGreaterThan(0);
    const progress: number[] = [];
    const long = { name: 'trigger-long-running-operation', arguments: { duration: 2, steps: 4 } };
    const watching = { onprogress: ({ progress: step }: { progress: number }) => void progress.push(step) };
    // The first SDK takes a schema before the options.
    await (sdk === 'v1' ? (client as unknown as V1Client).callTool(long, undefined, watching) : client.callTool(long, watching));
    expect(progress.length).toBeGreaterThan(0);
    await client.close();
  });

  it('uses server-everything over Streamable HTTP, in the image that its authors made for it', async () => {
    const client = await connect('everything-http', sdk);
    expect(textOf(await client.callTool({ name: 'get-sum', arguments: { a: 19, b: 23 } }))).toContain('42');
    expect((await client.readResource({ uri: (await client.listResources()).resources[0]!.uri })).contents.length).toBeGreaterThan(0);
    await client.close();
  });

  it('reads files with server-filesystem, and needs another scope to write', async () => {
    const client = await connect('files', sdk);
    expect(textOf(await client.callTool({ name: 'read_text_file', arguments: { path: '/documents/hello.txt' } }))).toContain('other side of the moat');
    const refused = await mcpRequest({ url: outputs.resources.files!.url, token: tokenFor('files'), tool: 'write_file', arguments: { path: '/documents/x', content: 'x' } });
    expect(refused.status).toBe(403);
    expect(refused.headers.get('www-authenticate')).toContain('scope="files:read files:write"');
    await client.close();
  });

  it('remembers with server-memory', async () => {
    const client = await connect('memory', sdk);
    await client.callTool({ name: 'create_entities', arguments: { entities: [{ name: `moat-${sdk}`, entityType: 'ditch', observations: ['wet'] }] } });
    expect(textOf(await client.callTool({ name: 'read_graph', arguments: {} }))).toContain(`moat-${sdk}`);
    await client.close();
  });

  it('asks a Python server for the time', async () => {
    const client = await connect('time', sdk);
    expect(textOf(await client.callTool({ name: 'get_current_time', arguments: { timezone: 'Europe/Berlin' } }))).toContain('Europe/Berlin');
    await client.close();
  });

  it('uses a server elsewhere, which gets its own credential and a signed identity, never the token', async () => {
    const client = await connect('recorder', sdk);
    recorder.requests.length = 0;
    await client.callTool({ name: 'echo', arguments: { message: 'x' } });
    const [call] = recorder.calls('echo');
    expect(call!.headers.authorization).toBe(`Bearer ${RECORDER_CREDENTIAL}`);
    expect(JSON.stringify(recorder.requests)).not.toContain(tokenFor('recorder'));
    const { host } = new URL(outputs.resources.recorder!.url);
    const keys = createRemoteJWKSet(new URL(outputs.identityJwksUrl!));
    const { payload } = await jwtVerify(call!.headers['drawbridge-identity'] as string, keys, { audience: outputs.resources.recorder!.url, issuer: `https://${host}`, typ: 'drawbridge-identity+jwt' });
    expect(payload.preferred_username).toBe(outputs.testUser.username);
    await client.close();
  });
});

describe('a token', () => {
  it('for one server is refused by every other', async () => {
    for (const server of memories.keys())
      for (const other of memories.keys()) {
        const { status } = await mcpRequest({ url: outputs.resources[other]!.url, token: tokenFor(server) });
        expect(`${server} at ${other}: ${status}`).toBe(`${server} at ${other}: ${server === other ? 200 : 401}`);
      }
  });
});
