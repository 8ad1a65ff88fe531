// Clients under load, somewhere in the lab: `load.ts URL`. Signs in like client.ts, then calls on kept connections: some without a pause, some now and
// then in a session that they name, some a tool that streams for 20 seconds. For each line that it reads it prints what came of the calls
// since the last one, as JSON {calls, slow, failed: {reason: count}, gap}; `gap`: the longest time without an answer, in seconds.
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { OAuthMemory } from '../../support/oauth-memory.ts';

const url = process.argv[2]!;
const memory = new OAuthMemory('load');
const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: memory });
await new Client({ name: 'load', version: '1' }).connect(transport).catch(() => undefined);
const lines = createInterface(process.stdin)[Symbol.asyncIterator]();
console.log(JSON.stringify({ authorize: memory.authorizationUrl, redirectUri: memory.redirectUrl }));
await transport.finishAuth(new URLSearchParams((await lines.next()).value as string));

let seen = { calls: 0, slow: 0, failed: {} as Record<string, number>, gap: 0 };
let last = performance.now();

async function post(method: string, params: object, session?: string): Promise<Response> {
  const headers = { Authorization: `Bearer ${memory.granted!.access_token}`, 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', ...(session && { 'Mcp-Session-Id': session }) };
  return fetch(url, { method: 'POST', headers, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }) });
}

async function call(tool: string, session?: string): Promise<void> {
  try {
    const response = await post('tools/call', { name: tool, arguments: {} }, session);
    const text = await response.text();
    if (response.status !== 200 || !text.includes(`"text": "${tool}"`)) throw new Error(`${tool}: ${response.status} ${text.slice(-200)}`);
    seen[tool === 'slow' ? 'slow' : 'calls'] += 1;
    if (tool === 'quick') {
      seen.gap = Math.max(seen.gap, (performance.now() - last) / 1000);
      last = performance.now();
    }
  } catch (error) {
    const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
    const reason = cause ? `${tool}: ${cause.code ?? cause.message}` : message;
    seen.failed[reason] = (seen.failed[reason] ?? 0) + 1;
  }
}

const began = await post('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'load', version: '1' } });
const session = began.headers.get('Mcp-Session-Id')!;
await began.text();
const repeat = async (tool: string, pause: () => number, session?: string) => {
  for (;; await sleep(pause())) await call(tool, session);
};
for (let client = 0; client < 6; client += 1) void repeat('quick', () => 5 + 10 * Math.random());
for (let client = 0; client < 6; client += 1) void repeat('quick', () => 300 + 3000 * Math.random(), session);
for (let client = 0; client < 3; client += 1) void repeat('slow', () => 5000 * Math.random());

for await (const _ of lines) {
  console.log(JSON.stringify(seen));
  seen = { calls: 0, slow: 0, failed: {}, gap: 0 };
  last = performance.now();
}
