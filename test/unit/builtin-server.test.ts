import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callerOf } from '../../backends/builtin/caller.ts';
import { listen, type Listening } from '../../backends/builtin/listen.ts';
import { toolNames } from '../../backends/builtin/tool-names.ts';
import { MAX_LENGTH, MAX_NOTES, MAX_SUBJECTS, Notes } from '../../backends/builtin/notes.ts';

let listening: Listening;
const url = (path = '/mcp') => new URL(path, `http://127.0.0.1:${listening.port}`);
const identity = (subject = 'f6a3c1d2-alice') => ({
  'Drawbridge-Subject': encodeURIComponent(subject),
  'Drawbridge-Username': encodeURIComponent('Älice'),
  'Drawbridge-Client': 'a-client',
  'Drawbridge-Scopes': 'mcp:read mcp%3Awrite',
  'Drawbridge-Expires': '1800000000',
});
const identityOf = (subject: string) => ({ requestInit: { headers: identity(subject) } });

async function connected(subject: string): Promise<Client> {
  const client = new Client({ name: 'v2', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  await client.connect(new StreamableHTTPClientTransport(url(), identityOf(subject)));
  return client;
}
const call = async (subject: string, name: string, args: Record<string, unknown> = {}) => {
  const client = await connected(subject);
  const result = await client.callTool({ name, arguments: args });
  await client.close();
  return result;
};

beforeAll(async () => {
  listening = await listen(0);
});
afterAll(() => listening.stop());

describe('the built-in server', () => {
  it('tells a 2026-07-28 client who it is, as the gateway says', async () => {
    expect((await call('f6a3c1d2-alice', 'whoami')).structuredContent).toEqual({
      subject: 'f6a3c1d2-alice',
      username: 'Älice',
      client: 'a-client',
      scopes: ['mcp:read', 'mcp:write'],
      expiresAt: 1_800_000_000,
    });
  });

  it('serves a client of the versions before', async () => {
    const client = new ClientV1({ name: 'v1', version: '1' });
    await client.connect(new TransportV1(url(), identityOf('alice')));
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(toolNames);
    expect((await client.callTool({ name: 'echo', arguments: { message: 'hello' } })).content).toEqual([{ type: 'text', text: 'hello' }]);
    await client.close();
  });

  it('says at once that it waits, where it is asked to, and then what it waited for', async () => {
    const client = await connected('alice');
    const progress: number[] = [];
    const { content } = await client.callTool({ name: 'wait', arguments: { seconds: 1 } }, { onprogress: ({ total }) => void progress.push(total!) });
    expect({ progress, content }).toEqual({ progress: [1], content: [{ type: 'text', text: 'Waited 1 s.' }] });
    expect(JSON.stringify(await client.callTool({ name: 'wait', arguments: { seconds: 3_600 } }))).toMatch(/invalid|too/i);
    await client.close();
  });

  it('refuses a request without the identity of its caller', async () => {
    const body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
    const response = await fetch(url(), { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: expect.stringMatching(/identity/) as string });
  });

  it('answers its health check, and nothing on other paths', async () => {
    expect((await fetch(url('/health'))).status).toBe(200);
    expect((await fetch(url('/other'))).status).toBe(404);
  });

  it('ends within a moment of SIGTERM', async () => {
    const child = spawn(process.execPath, ['backends/builtin/main.ts'], { env: { PATH: process.env.PATH, PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    const asked = Date.now();
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(Date.now() - asked).toBeLessThan(2_000);
  });
});

describe('the identity headers', () => {
  const lowercase = Object.fromEntries(Object.entries(identity()).map(([name, value]) => [name.toLowerCase(), value]));

  it('need a subject, a client and an expiry', () => {
    expect(callerOf(lowercase)).toMatchObject({ subject: 'f6a3c1d2-alice' });
    for (const name of ['drawbridge-subject', 'drawbridge-client', 'drawbridge-expires']) expect(callerOf({ ...lowercase, [name]: undefined })).toBeUndefined();
  });

  it('are refused where they are not well encoded', () => {
    expect(callerOf({ ...lowercase, 'drawbridge-subject': '%E0%A4%A' })).toBeUndefined();
  });
});

describe('notes', () => {
  it('of one user are not seen by another', async () => {
    await call('bob', 'note_write', { name: 'plan', text: 'secret of bob' });
    expect((await call('bob', 'note_read', { name: 'plan' })).content).toEqual([{ type: 'text', text: 'secret of bob' }]);
    const text = expect.stringMatching(/notes: \[\]$/) as string;
    expect(await call('carol', 'note_read', { name: 'plan' })).toMatchObject({ isError: true, content: [{ text }] });
  });

  it('need no name', async () => {
    await call('bob', 'note_write', { text: 'nameless' });
    expect((await call('bob', 'note_read')).content).toEqual([{ type: 'text', text: 'nameless' }]);
  });

  it('are bounded in length, in number for each user, and in users', async () => {
    expect(JSON.stringify(await call('alice', 'note_write', { name: 'a', text: 'x'.repeat(MAX_LENGTH + 1) }))).toMatch(/invalid|too/i);
    const notes = new Notes();
    for (let i = 0; i < MAX_NOTES; i += 1) expect(notes.write('alice', `note-${i}`, 'x')).toBe(true);
    expect(notes.write('alice', 'one-more', 'x')).toBe(false);
    expect(notes.write('alice', 'note-0', 'replaced')).toBe(true);
    for (let i = 0; i < MAX_SUBJECTS; i += 1) notes.write(`user-${i}`, 'a', 'x');
    expect(notes.read('alice', 'note-0')).toBeUndefined();
    expect(notes.read(`user-${MAX_SUBJECTS - 1}`, 'a')).toBe('x');
  });
});
