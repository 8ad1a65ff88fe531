import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Diagnosis, examine, type Options } from '../../doctor/index.ts';
import { everyone, found, troubles } from '../support/doctor-findings.ts';
import { DoctorRoom, json } from '../support/doctor-room.ts';

let room: DoctorRoom;
beforeEach(async () => {
  room = await DoctorRoom.open();
});
afterEach(() => room.close());

const look = (options: Options = {}): Promise<Diagnosis> => examine(room.url, { listenSeconds: 0, ...options });
const missing = (path: string) => room.answer(path, (_, response) => json(response, 404, {}));

describe('the first request', () => {
  it.each([301, 302, 307, 308])('that is redirected (%i) loses its token (claude-ai-mcp#299)', async (status) => {
    room.answer('/mcp', (_, response) => void response.writeHead(status, { location: '/mcp/' }).end());
    const diagnosis = await look();
    expect(found(diagnosis, 'redirect')).toMatchObject({ step: 'challenge', weight: 'failure', clients: everyone, what: expect.stringContaining(`answers ${status}, a redirect to /mcp/`) as string });
    expect(troubles(diagnosis)).toHaveLength(1);
  });

  it('that is 404 while the path with a slash is there is a route of the front (claude-ai-mcp#299)', async () => {
    missing('/mcp');
    const diagnosis = await look();
    expect(found(diagnosis, 'path')).toMatchObject({ step: 'challenge', clients: everyone, what: `${room.url} is 404, and ${room.url}/ is there (401): the front routes one of the two only.` });
    expect(troubles(diagnosis)).toHaveLength(1);
  });

  it('of Claude goes without the slash that its user typed: a front that routes only the other keeps it alone out', async () => {
    missing('/mcp');
    room.resourceDocument = { resource: `${room.url}/` };
    expect(found(await examine(`${room.url}/`, { listenSeconds: 0 }), 'path')).toMatchObject({ clients: ['claude'] });
  });

  it('that is 404 either way finds no server, which is said once: with a slash, without one, and at the root', async () => {
    for (const path of ['/', '/mcp', '/mcp/']) missing(path);
    for (const url of [room.url, `${room.url}/`]) expect(found(await examine(url, { listenSeconds: 0 }), 'path')).toMatchObject({ clients: everyone, what: `There is no MCP server at ${room.url} (404).`, remedies: [expect.not.stringContaining('usually')] });
    expect(found(await examine(room.origin, { listenSeconds: 0 }), 'path')).toMatchObject({ clients: everyone, what: `There is no MCP server at ${room.origin} (404).`, remedies: [expect.stringContaining(`usually ${room.url}.`)] });
  });

  it.each<[number, unknown, string]>([
    [500, {}, '500, application/json, and no JSON-RPC'],
    [500, { jsonrpc: '2.0', id: null, error: { code: -32603, message: 'Internal' } }, '500 (the JSON-RPC error -32603 (Internal))'],
  ])('that fails with a %i is told to see the log, not the path', async (status, body, what) => {
    room.answer('/mcp', (_, response) => json(response, status, body));
    expect(found(await look(), 'not-mcp')).toMatchObject({ clients: everyone, what: expect.stringContaining(`fails with ${what}`) as string, remedies: [expect.stringMatching(/^See the log of the server/)] });
  });

  it('that gets a web page finds no MCP server', async () => {
    room.answer('/mcp', (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>It works!</h1>'));
    expect(found(await look(), 'not-mcp')).toMatchObject({ step: 'challenge', clients: everyone, what: expect.stringContaining('200, text/html, and no JSON-RPC') as string });
  });

  it('that gets no answer at all ends in 12 seconds', async () => {
    room.answer('/mcp', () => {});
    expect(found(await look({ clients: ['cursor'] }), 'no-answer')).toMatchObject({ step: 'challenge', what: expect.stringContaining('none within 12 seconds') as string });
  });

  it('that everyone is let in by is said loudly, and keeps nobody out', async () => {
    room.challenge = 'none';
    const diagnosis = await look();
    expect(diagnosis.ok).toBe(true);
    expect(troubles(diagnosis)).toEqual([`warning open at challenge: ${everyone.join(' ')}`]);
    expect(found(diagnosis, 'open').what).toMatch(/^OPEN TO EVERYONE/);
  });

  it('to a server of the transport of 2024-11-05 is told that it is out of date', async () => {
    room.answer('/mcp', (request, response) => {
      if (request.method !== 'GET') return void response.writeHead(405).end();
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('event: endpoint\ndata: /messages?session=1\n\n');
    });
    const diagnosis = await look();
    expect(found(diagnosis, 'old-transport')).toMatchObject({ step: 'challenge', clients: everyone });
    expect(troubles(diagnosis)).toHaveLength(1);
  });
});
