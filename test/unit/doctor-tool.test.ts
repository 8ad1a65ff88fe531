import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ClientName, type Diagnosis, examine, type Options, reportLines } from '../../doctor/index.ts';
import { found, troubles } from '../support/doctor-findings.ts';
import { DoctorRoom, json } from '../support/doctor-room.ts';

let room: DoctorRoom;
beforeEach(async () => {
  room = await DoctorRoom.open();
});
afterEach(() => room.close());

const look = (options: Options): Promise<Diagnosis> => examine(room.url, { listenSeconds: 0, ...options });

describe('a call of a tool', () => {
  const call = (name: string, args: Record<string, unknown> = {}) => look({ token: room.token(), tool: { name, arguments: args }, clients: ['cursor'] });

  it('is said in a line, with what came of it', async () => {
    const diagnosis = await call('count', { steps: 2, everyMilliseconds: 1 });
    expect(diagnosis.called).toMatch(/^called count: a result after \d\.\d seconds, with 2 progress messages$/);
    expect(reportLines(diagnosis)).toContain(diagnosis.called);
    expect(troubles(diagnosis)).toEqual([]);
  });

  it('that nobody came as far as is said, too', async () => {
    expect((await look({ tool: { name: 'count', arguments: {} } })).called).toBe('count was not called: no client came as far as that');
  });

  it.each<[string, unknown, string]>([
    ['that is not there', { error: { code: -32602, message: 'Unknown tool' } }, 'JSON-RPC error -32602 (Unknown tool)'],
    ['that ends in the tool’s own error', { result: { isError: true, content: [{ type: 'text', text: 'No disk' }, null] } }, 'the tool’s own error (No disk)'],
    ['that gets no result', {}, 'no result, but 200 from '],
  ])('%s is a finding', async (_, reply, why) => {
    room.answer('/mcp', (_request, response, body) => (body.includes('tools/call') ? json(response, 200, { jsonrpc: '2.0', id: 3, ...(reply as object) }) : false));
    const diagnosis = await call('nothing');
    expect(found(diagnosis, 'tool-fails')).toMatchObject({ step: 'stream', weight: 'warning', what: expect.stringContaining(`The call of nothing came to nothing: ${why}`) as string });
    expect(diagnosis.called).toContain(`called nothing: ${why}`);
  });

  it('to the SDK’s server, which has no such tool, is a finding', async () => {
    expect(found(await call('nothing'), 'tool-fails')).toMatchObject({ weight: 'warning' });
  });

  it.each<[ClientName, string, Record<string, string | undefined>]>([
    ['cursor', 'count', { 'mcp-protocol-version': '2025-11-25', 'mcp-method': undefined, 'mcp-name': undefined }],
    ['claude-code', 'count', { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'count' }],
    ['claude-code', 'zähle', { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': '=?base64?esOkaGxl?=' }],
  ])('of %s for %s has the headers of its era, with a token for progress in both', async (client, name, headers) => {
    const seen: unknown[] = [];
    room.answer('/mcp', (request, _, body) => {
      if (!body.includes('tools/call')) return false;
      seen.push(Object.fromEntries(Object.keys(headers).map((header) => [header, request.headers[header]])), body.includes('"progressToken":"doctor"'));
      return false;
    });
    await look({ token: room.token(), tool: { name, arguments: { steps: 1, everyMilliseconds: 1 } }, clients: [client] });
    expect(seen).toEqual([headers, true]);
  });
});
