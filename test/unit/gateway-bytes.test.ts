import { describe, expect, it } from 'vitest';
import { IdMask } from '../../server/relay/ids.ts';
import { modernResults } from '../../server/relay/modern-result.ts';
import type { Rewriter } from '../../server/relay/relay.ts';

// What changes bytes on their way must not care where the network cuts them.

/** The output for one chunk, for each two chunks, and byte by byte. */
function everyCut(text: string, rewriter: () => Rewriter): string {
  const bytes = Buffer.from(text);
  const run = (chunks: Buffer[]) => {
    const rewrite = rewriter();
    return Buffer.concat([...chunks.map((chunk) => Buffer.from(rewrite.write(chunk))), rewrite.end()]).toString();
  };
  const whole = run([bytes]);
  for (let cut = 1; cut < bytes.length; cut += 1) {
    const cutOnce = run([bytes.subarray(0, cut), bytes.subarray(cut)]);
    if (cutOnce !== whole) expect(`cut at ${cut}: ${cutOnce}`).toBe(`cut at ${cut}: ${whole}`);
  }
  expect(run(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)))).toBe(whole);
  return whole;
}

describe('ids that are masked', () => {
  const mask = new IdMask('5ec7e7', 0);
  const unmask = (text: string) => everyCut(text, () => mask.unmasking());
  const answer = (id: unknown) => `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{}}`;

  it.each([0, 1, -1, Number.MAX_SAFE_INTEGER, '', '1', 'a"b\\c', 'größe 🌍', '\u0000\n', '\ud800', 'x'.repeat(256), '\u0001'.repeat(256), '🌍'.repeat(128)])(
    'differ from each other and come back as they were: %j',
    (id) => {
      const masked = mask.mask(id);
      expect(masked).not.toBe(mask.mask(id));
      expect(unmask(answer(masked))).toBe(answer(id));
      expect(unmask(`{ "id" : "${masked}" ,\n"result":{}}`)).toBe(`{ "id" : ${JSON.stringify(id)} ,\n"result":{}}`);
    },
  );

  it('come back in streams with several, and as progress tokens, also through another worker', () => {
    const progress = (token: unknown) => `data: {"method":"notifications/progress","params":{"progressToken":${JSON.stringify(token)},"progress":1}}\n\n`;
    const [first, second] = [mask.mask(1), mask.mask('b')];
    const text = (a: unknown, b: unknown) => `event: message\n${progress(a)}${progress(b)}data: ${answer(a)}\n\ndata: ${answer(b)}\n\n`;
    expect(everyCut(text(first, second), () => new IdMask('5ec7e7', 1).unmasking())).toBe(text(1, 'b'));
  });

  it('stay as they are inside of text, where anybody may have written them', () => {
    const masked = mask.mask(1);
    const texts = [masked, `"${masked}"`, `"${masked}`, JSON.stringify({ id: masked }), JSON.stringify({ text: JSON.stringify({ id: masked }) })];
    for (const text of texts) {
      const body = `{"id":7,"result":{"content":[{"type":"text","text":${JSON.stringify(text)}}]}}`;
      expect(unmask(body)).toBe(body);
    }
  });

  it('stand for an id and nothing else: whoever learns the secret can put nothing into an answer', () => {
    for (const forged of ['1,"error":{}', '{}', '"a","b":"c"', 'null', '1e5', '[1]', '"\n"', '', '1 2'])
      for (const encoded of [Buffer.from(forged).toString('base64url'), `${Buffer.from(forged).toString('base64url')}\\`, '!!', '']) {
        const body = answer('x').replace('"x"', `"drawbridge.5ec7e7.0-1.${encoded}"`);
        expect(unmask(body)).toBe(body);
      }
  });

  it('of another process stay as they are', () => {
    const body = answer(new IdMask('0ther', 0).mask(1));
    expect(unmask(body)).toBe(body);
  });

  it('hold nothing back that cannot be the beginning of one', () => {
    const rewrite = mask.unmasking();
    expect(rewrite.write(Buffer.from('data: {"id":"drawbridge.5ec"}\n\n')).toString()).toBe('data: {"id":"drawbridge.5ec"}\n\n');
    expect(rewrite.write(Buffer.from(`"drawbridge.5ec7e7.${'x'.repeat(5_000)}`)).length).toBeGreaterThan(5_000);
  });
});

describe('results of earlier versions for clients of 2026-07-28', () => {
  const refused: unknown[][] = [];
  const rewriter = (contentType: string, method = 'tools/call') => modernResults({ method, refuseRequest: (id, asked) => void refused.push([id, asked]) })(contentType);
  const asJson = (text: string, method?: string) => everyCut(text, () => rewriter('application/json', method));
  const asEvents = (text: string, method?: string) => everyCut(text, () => rewriter('text/event-stream', method));

  it.each([
    ['{"id":1,"result":{"a":1}}', '{"id":1,"result":{"resultType":"complete","a":1}}'],
    ['{"result":{},"id":1}', '{"result":{"resultType":"complete"},"id":1}'],
    [' { "id" : "result" ,\n "result" : { \r\n "a" : {"result":{}} } } ', ' { "id" : "result" ,\n "result" : { \r\n "resultType":"complete","a" : {"result":{}} } } '],
    ['{"id":"\\"result\\":{","x":{"result":{}},"y":["result",{"result":{}}],"result":{"b":"}{"}}', '{"id":"\\"result\\":{","x":{"result":{}},"y":["result",{"result":{}}],"result":{"resultType":"complete","b":"}{"}}'],
    ['{"id":1,"error":{"code":1,"message":"result","data":{"result":{}}}}', '{"id":1,"error":{"code":1,"message":"result","data":{"result":{}}}}'],
    ['{"id":1,"results":{},"result ":{},"resul":{}}', '{"id":1,"results":{},"result ":{},"resul":{}}'],
    ['no JSON', 'no JSON'],
  ])('%s becomes %s', (text, expected) => {
    expect(asJson(text)).toBe(expected);
  });

  it.each(['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'resources/read'])('%s gets caching hints that promise nothing', (method) => {
    expect(JSON.parse(asJson('{"id":1,"result":{"tools":[]}}', method))).toEqual({ id: 1, result: { resultType: 'complete', ttlMs: 0, cacheScope: 'private', tools: [] } });
  });

  it.each(['\n', '\r\n'])('are found in a stream, after progress and comments (line end %j)', (end) => {
    const stream = (result: string) => [': hello', '', 'id: 7', 'data: ', '', 'event: message', 'data: {"method":"notifications/progress","params":{}}', '', 'event: message', 'id: 8', `data: {"id":1,"result":${result}}`, '', ''].join(end);
    expect(asEvents(stream('{"a":1}'))).toBe(stream('{"resultType":"complete","a":1}'));
  });

  it('are found where an event has several lines of data', () => {
    const [, data] = /^([\s\S]*)\n\n$/.exec(asEvents('data: {"id":1,\ndata: "result":\ndata:   {\ndata: "a":1}}\n\n'))!;
    const joined = data!.split('\n').map((line) => line.replace(/^data: ?/, '')).join('\n');
    expect(JSON.parse(joined)).toEqual({ id: 1, result: { resultType: 'complete', a: 1 } });
  });

  it('are not touched by questions of the server, which are refused and taken out, or by its other notifications', () => {
    refused.length = 0;
    const [before, after] = ['data: {"method":"notifications/progress","params":{}}\n\n', 'data: {"id":1,"result":{}}\n\n'];
    const asked = 'event: message\ndata: {"id":"q","method":"sampling/createMessage","params":{}}\n\n';
    const unasked = 'data: {"method":"notifications/message","params":{}}\n\n';
    expect(rewriter('text/event-stream').write(Buffer.from(before + asked + unasked + after)).toString()).toBe(before + after.replace('{}', '{"resultType":"complete"}'));
    expect(refused).toEqual([['q', 'sampling/createMessage']]);
    expect(asEvents(before + asked + unasked + after)).toBe(before + after.replace('{}', '{"resultType":"complete"}'));
  });

  it('pass as they come when they are large, in a stream too', () => {
    const large = 'x'.repeat(200_000);
    const rewrite = rewriter('text/event-stream');
    const first = rewrite.write(Buffer.from(`data: {"id":1,"result":{"content":"${large}`));
    expect(first.length).toBeGreaterThan(200_000);
    const rest = Buffer.concat([Buffer.from(rewrite.write(Buffer.from(`${large}"}}\n`))), Buffer.from(rewrite.write(Buffer.from('\ndata: {"id":2,"result":{}}\n\n'))), rewrite.end()]);
    expect(`${first.toString()}${rest.toString()}`).toBe(`data: {"id":1,"result":{"resultType":"complete","content":"${large}${large}"}}\n\ndata: {"id":2,"result":{"resultType":"complete"}}\n\n`);
  });
});
