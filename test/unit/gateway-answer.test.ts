import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Answer, KEEP_ALIVE_MILLISECONDS, type AnswerOptions } from '../../server/relay/answer.ts';
import { Streams } from '../../server/relay/streams.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const close of closing.splice(0).reverse()) await close();
});

/** An answer that is under way, and its other end. */
async function answering(options: Partial<AnswerOptions> = {}): Promise<{ answer: Answer; res: ServerResponse; response: Promise<IncomingMessage>; later: () => number }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sent = request({ port: (server.address() as AddressInfo).port }).end();
  sent.on('error', () => {});
  const response = once(sent, 'response').then(([received]) => received as IncomingMessage);
  response.catch(() => {});
  const [, res] = (await once(server, 'request')) as [IncomingMessage, ServerResponse];
  closing.push(() => server.close().closeAllConnections(), () => sent.destroy());
  let now = Date.now();
  return { answer: new Answer(res, { id: 1, acceptsEvents: true, ...options }), res, response, later: () => (now += KEEP_ALIVE_MILLISECONDS + 1_000) };
}

const textOf = async (response: Promise<IncomingMessage>) => {
  let text = '';
  for await (const chunk of await response) text += String(chunk);
  return text;
};
const write = (answer: Answer, ...chunks: string[]) => chunks.forEach((chunk) => answer.write(Buffer.from(chunk)));
const COMMENT = ': keep-alive\n\n';

describe('while the backend says nothing', () => {
  it('nothing is sent for 15 s, then the answer becomes a stream with a comment, again and again', async () => {
    const { answer, res, response, later } = await answering();
    answer.keepAlive(Date.now() + KEEP_ALIVE_MILLISECONDS - 1_000);
    expect(res.headersSent).toBe(false);
    for (let n = 0; n < 3; n += 1) answer.keepAlive(later());
    answer.begin(200, 'text/event-stream');
    write(answer, 'data: {}\n\n');
    answer.end();
    expect([(await response).statusCode, (await response).headers['content-type'], (await response).headers['x-accel-buffering']]).toEqual([200, 'text/event-stream', 'no']);
    expect(await textOf(response)).toBe(`${COMMENT.repeat(3)}data: {}\n\n`);
  });

  it.each([{ acceptsEvents: false }, { id: undefined }])('it waits where the client takes no stream, or asked nothing: %j', async (options) => {
    const { answer, res, response, later } = await answering(options);
    answer.keepAlive(later());
    expect(res.headersSent).toBe(false);
    answer.begin(202, undefined);
    answer.end();
    expect((await response).statusCode).toBe(202);
  });

  it('JSON that then comes is one event of that stream, also where it is spread over lines, and whatever its status', async () => {
    const { answer, response, later } = await answering();
    answer.keepAlive(later());
    answer.begin(404, 'application/json', { 'Content-Length': '24' });
    write(answer, '{\n  "id": 1,\r', '\n  "error": {}\n}');
    answer.keepAlive(later());
    answer.end();
    expect(await textOf(response)).toBe(`${COMMENT}event: message\ndata: {   "id": 1,    "error": {} }\n\n`);
  });

  it('an error of the gateway is an event of it, too', async () => {
    const { answer, response, later } = await answering();
    answer.keepAlive(later());
    answer.fail(503, -32603, 'no', { retryAfter: 5 });
    expect(await textOf(response)).toBe(`${COMMENT}event: message\ndata: {"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"no"}}\n\n`);
  });

  it('a timer looks after all answers, until each has ended', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
    const { answer, res, response } = await answering({ id: 'a' });
    const streams = new Streams();
    streams.add(answer, 's');
    streams.add(new Answer(res, { id: 2, acceptsEvents: false }), 's');
    expect([streams.size, streams.sessions]).toEqual([2, ['s']]);
    vi.advanceTimersByTime(25_000);
    expect(res.headersSent).toBe(true);
    answer.end();
    expect(await textOf(response)).toBe(COMMENT);
    await expect.poll(() => [streams.size, streams.sessions]).toEqual([0, []]);
    streams.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a stream', () => {
  it('gets comments between its events and never inside of one, wherever the network cuts it', async () => {
    const { answer, response, later } = await answering();
    const stream = ['data: 1\n\n', 'data:', ' 2\r\n', '\r', '\n', 'data: 3\n', '\n', 'data: 4\n'];
    answer.begin(200, 'text/event-stream');
    for (const part of stream) {
      write(answer, part);
      answer.keepAlive(later());
    }
    answer.end();
    expect(await textOf(response)).toBe(`data: 1\n\n${COMMENT}data: 2\r\n\r\n${COMMENT}data: 3\n\n${COMMENT}data: 4\n`);
  });

  it.each([
    ['between events: an error for the call', 'data: 1\n\n', 'data: 1\n\nevent: message\ndata: {"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"no"}}\n\n'],
    ['before its first event', '', 'event: message\ndata: {"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"no"}}\n\n'],
    ['inside of one: by breaking', 'data: 1', undefined],
  ])('fails %s', async (_where, sent, expected) => {
    const { answer, response } = await answering();
    answer.begin(200, 'text/event-stream');
    write(answer, sent);
    answer.fail(502, -32603, 'no');
    if (expected === undefined) await expect(textOf(response)).rejects.toThrow();
    else expect(await textOf(response)).toBe(expected);
  });

  it('that answers no request fails by breaking: its client opens it again', async () => {
    const { answer, response } = await answering({ id: undefined });
    answer.begin(200, 'text/event-stream');
    write(answer, 'data: 1\n\n');
    answer.fail(502, -32603, 'no');
    await expect(textOf(response)).rejects.toThrow();
  });
});

describe('JSON', () => {
  it('gets no comments, and fails by breaking once it has begun', async () => {
    const { answer, response, later } = await answering();
    answer.begin(200, 'application/json');
    write(answer, '{"half":');
    answer.keepAlive(later());
    answer.fail(502, -32603, 'no');
    await expect(textOf(response)).rejects.toThrow();
  });

  it('is an error with a status of its own where nothing was sent yet', async () => {
    const { answer, response } = await answering({ id: 'größe' });
    answer.fail(503, -32603, 'no', { retryAfter: 5 });
    expect([(await response).statusCode, (await response).headers['retry-after']]).toEqual([503, '5']);
    expect(JSON.parse(await textOf(response))).toEqual({ jsonrpc: '2.0', id: 'größe', error: { code: -32603, message: 'no' } });
  });
});

describe('an answer that has ended', () => {
  const large = 'x'.repeat(20_000_000);

  it.each<[string, (answer: Answer) => void, number]>([
    ['a stream', (answer) => (answer.begin(200, 'text/event-stream'), write(answer, `data: ${large}\n\n`), answer.end()), large.length + 8],
    ['JSON', (answer) => (answer.begin(200, 'application/json'), write(answer, large), answer.end()), large.length],
    ['JSON of a known length', (answer) => (answer.begin(200, 'application/json', { 'Content-Length': String(large.length) }), write(answer, large), answer.end()), large.length],
    ['an error', (answer) => answer.fail(502, -32603, large), large.length + 61],
  ])('stays as it is while a slow client still reads it, whatever happens to the backend: %s', async (_what, work, length) => {
    const { answer, res, response, later } = await answering();
    const errors: unknown[] = [];
    work(answer);
    res.on('error', (error) => errors.push(error));
    for (let n = 0; n < 3; n += 1) answer.keepAlive(later());
    answer.fail(502, -32603, 'late');
    answer.end();
    expect((await textOf(response)).length).toBe(length);
    expect(errors).toEqual([]);
  });
});
