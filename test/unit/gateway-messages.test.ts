import { afterEach, describe, expect, it } from 'vitest';
import { parseMessages } from '../../server/json-rpc.ts';
import { GatewayRoom, messagesOf } from '../support/gateway-room.ts';
import { callTool } from '../support/server-room.ts';

let room: GatewayRoom | undefined;
afterEach(async () => {
  await room?.close();
  room = undefined;
});

describe('a message', () => {
  const read = (params: string, more = '') => parseMessages(`{"jsonrpc":"2.0","id":1,"method":"m","params":${params}${more}}`).messages[0]!;
  const refusal = { status: 400, code: -32600 };
  const keys = (count: number) => Array.from({ length: count }, (_, key) => `"k${key}":1`).join();

  it('holds at most 1,000 keys where each is looked at', () => {
    expect(Object.keys(read(`{${keys(1_000)}}`).params)).toHaveLength(1_000);
    expect(Object.keys(read(`{"arguments":{${keys(5_000)}}}`).params)).toEqual(['arguments']);
    for (const params of [`{${keys(1_001)}}`, `{"ref":{${keys(1_001)}}}`, `{"notifications":{${keys(1_001)}}}`]) expect(() => read(params)).toThrow(expect.objectContaining(refusal) as Error);
    expect(() => read('{}', `,${keys(1_001)}`)).toThrow(expect.objectContaining(refusal) as Error);
  });

  it('is nested up to 500 levels, not counting what stands in strings', () => {
    const nested = (levels: number) => `{"a":${'['.repeat(levels)}"${'[{\\"'.repeat(1_000)}",{}${']'.repeat(levels)},"b":"${' '.repeat(1_000)}"}`;
    expect(read(nested(497)).method).toBe('m');
    expect(() => read(nested(498))).toThrow(expect.objectContaining(refusal) as Error);
  });

  const padding = '"x'.padEnd(256 * 1024, 'x') + '"';
  it.each(['12345678901234567890', '9007199254740993', '-9007199254740993', '0.12345678901234567890123', '1e400', '1E+400', '1000000000000000000000000000001'])('of more than 256 KiB with the number %s is refused: keeping it as written would take seconds', (number) => {
    expect(JSON.stringify(read(`{"a":${number}}`).params)).toBe(`{"a":${number}}`);
    for (const params of [`{"a":${number},"b":${padding}}`, `{"b":[${padding},"\\"",${number}]}`]) expect(() => read(params)).toThrow(expect.objectContaining(refusal) as Error);
  });

  it.each(['0.1234567890123456', '-1.2345678901234567e-05', '1.2345678901234567E10', '100000000000000000000', '0.10000000000000001', '9007199254740992', '1e308', '0e999', '"12345678901234567890"', '"a\\",12345678901234567890,\\""', '"0e1234"', '{"12345678901234567890":1}'])('of more than 256 KiB with %s is read: nothing is lost', (value) => {
    expect(read(`{"a":${value},"b":${padding}}`).params.a).toEqual(JSON.parse(value));
  });
});

it('a body is read as one message, or as a batch of at most 20', async () => {
  room = await GatewayRoom.open('stateless');
  const headers = { 'MCP-Protocol-Version': '2025-03-26' };
  const batch = (length: number) => Array.from({ length }, (_, id) => callTool('echo', {}, id));
  expect((await messagesOf(await room!.post(batch(20), { headers })))[0]).toHaveLength(20);
  for (const body of [batch(21), []]) expect((await room!.post(body, { headers })).status).toBe(400);
  for (const version of ['2025-06-18', '2025-11-25']) expect((await room!.post(batch(2), { headers: { 'MCP-Protocol-Version': version } })).status).toBe(400);
  expect(room!.backend.requests.filter(({ body }) => body.startsWith('[')).length).toBe(1);
});
