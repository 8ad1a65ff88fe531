import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MessageChannel } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { Limits, shareLimits } from '../../server/limits.ts';
import { parseMessages } from '../../server/json-rpc.ts';
import { EventSplitter } from '../../server/relay/events.ts';
import { remoteSessions, serveSessions } from '../../server/sessions/remote.ts';
import type { Sessions } from '../../server/sessions/session.ts';
import { ServerRoom, serverEntry } from '../support/server-room.ts';

const open: { server: Server; room: ServerRoom }[] = [];
afterEach(async () => {
  for (const { server, room } of open.splice(0)) {
    server.closeAllConnections();
    server.close();
    await room.close();
  }
});

/** The gateway before a backend that does as it likes. */
async function before(backend: RequestListener): Promise<ServerRoom> {
  const server = createServer(backend).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  const room = await ServerRoom.open((settings) => settings.servers.splice(0, 1, { ...serverEntry(url), tools: {} }));
  open.push({ server, room });
  return room;
}

const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };
const discovered = JSON.stringify({ jsonrpc: '2.0', id: 'discover', result: { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } } });
const call = async (room: ServerRoom, method = 'tools/list') =>
  room.post({ jsonrpc: '2.0', id: 1, method, params: { _meta: meta } }, await room.issuer.token(), { headers: { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': method } });
const bodyOf = async (req: Parameters<RequestListener>[0]) => {
  let text = '';
  for await (const chunk of req) text += chunk;
  return JSON.parse(text || '{}') as { id?: unknown; method?: string; error?: object };
};

describe('a hostile backend', () => {
  it('does not choose the length of a stream, into which comments go: what is left over would be the start of another user’s answer', async () => {
    const event = `data: ${JSON.stringify({ jsonrpc: '2.0', id: 1, result: { resultType: 'complete', tools: [] } })}\n\n`;
    const room = await before(async (req, res) => {
      const { method } = await bodyOf(req);
      if (method === 'server/discover') return void res.writeHead(200, { 'Content-Type': 'application/json' }).end(discovered);
      res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Content-Length': event.length }).end(event);
    });
    const response = await call(room);
    expect(response.headers.get('Content-Type')).toContain('text/event-stream');
    expect(response.headers.get('Content-Length')).toBeNull();
    expect(await response.text()).toBe(event);
  });

  it('cannot end the process with what cannot be handed from thread to thread', async () => {
    const { port1, port2 } = new MessageChannel();
    let deep: object = {};
    for (let level = 0; level < 20_000; level += 1) deep = { deep };
    serveSessions({ find: async () => deep, isModern: async () => true } as unknown as Sessions, port1);
    const remote = remoteSessions(port2);
    await expect(remote.find('id', { server: 'a', subject: 'b', clientId: 'c' })).rejects.toThrow('Internal error');
    expect(await remote.isModern('a', {})).toBe(true);
    port1.close();
  });

  it('that asks thousands of questions on one answer is told no a few times, and not on thousands of connections', async () => {
    let refusals = 0;
    const room = await before(async (req, res) => {
      const { method, error, id } = await bodyOf(req);
      if (error) refusals += 1;
      if (method === 'initialize') return void res.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, result: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: {} } }));
      if (method !== 'tools/list') return void res.writeHead(method === 'server/discover' ? 400 : 202).end();
      const question = (index: number) => `data: ${JSON.stringify({ jsonrpc: '2.0', id: index, method: 'roots/list' })}\n\n`;
      const answer = `data: ${JSON.stringify({ jsonrpc: '2.0', id, result: { tools: [] } })}\n\n`;
      res.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(Array.from({ length: 5_000 }, (_, index) => question(index)).join('') + answer);
    });
    expect(await (await call(room)).text()).toContain('"resultType":"complete"');
    await expect.poll(() => refusals).toBe(20);
  });
});

describe('a stream', () => {
  it('has the same events however its bytes are cut on their way', () => {
    const stream = Buffer.from(': c\n\ndata: {"a":1}\r\n\r\ndata: x\ndata: y\n\n\n\ndata: rest');
    const whole = new EventSplitter().push(stream).map(String);
    for (let size = 1; size < stream.length; size += 1) {
      const splitter = new EventSplitter();
      const events: string[] = [];
      for (let from = 0; from < stream.length; from += size) events.push(...splitter.push(stream.subarray(from, from + size)).map(String));
      expect([size, events, splitter.take().toString()]).toEqual([size, whole, 'data: rest']);
    }
  });
});

describe('bodies in memory', () => {
  it('are not made of millions of empty objects, which take twenty times their size', () => {
    const body = (count: number) => JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'a', arguments: { list: Array.from({ length: count }, () => ({})) } } });
    expect(parseMessages(body(300_000)).messages).toHaveLength(1);
    expect(() => parseMessages(body(500_000))).toThrow('more than 400000 objects and lists');
  });

  const limits = new Limits({ perUser: 1, perAddress: 1, concurrent: 1, bodyBytes: 1 }, shareLimits('seed'));
  const megabytes = 1024 * 1024;

  it('are bounded for each user, and come free at the end', () => {
    for (let call = 0; call < 4; call += 1) expect(limits.hold('mallory', 4 * megabytes)).toBe(true);
    expect(limits.hold('mallory', 4 * megabytes)).toBe(false);
    expect(limits.hold('alice', 4 * megabytes)).toBe(true);
    limits.release('mallory', 4 * megabytes);
    expect(limits.hold('mallory', 4 * megabytes)).toBe(true);
  });

  it('are bounded for all users together, and small ones find room all the same', () => {
    for (let user = 0; user < 12; user += 1) limits.hold(`user-${user}`, 4 * megabytes);
    expect(limits.hold('bob', 4 * megabytes)).toBe(false);
    expect(limits.hold('bob', 1_000)).toBe(true);
  });
});
