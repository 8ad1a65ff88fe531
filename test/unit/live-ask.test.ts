import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ask, inWords, jsonOf } from '../live/ask.ts';
import { EventStream } from '../live/event-stream.ts';

// These are of a stack that stands.
vi.mock('../live/subject.ts', () => ({ status: 'npm run status' }));
vi.mock('../live/redacted.ts', () => ({ redacted: (text: string) => text }));
vi.mock('../support/outputs.ts', () => ({}));

const kilobyte = 'x'.repeat(1024);
let sent: number;
const say = (response: ServerResponse, bit: string, every: number) => {
  const timer = setInterval(() => void (response.write(bit) && (sent += bit.length)), every);
  response.on('close', () => clearInterval(timer));
};
const answers: Record<string, (response: ServerResponse) => unknown> = {
  '/right': (response) => response.writeHead(403, { 'set-cookie': ['a=1', 'b=2'], 'content-type': 'application/json' }).end('{"a":1}'),
  '/redirect': (response) => response.writeHead(302, { location: '/right' }).end(),
  '/large': (response) => response.end(kilobyte.repeat(512)),
  '/endless': (response) => say(response.writeHead(200), kilobyte.repeat(64), 1),
  '/dripping': (response) => say(response.writeHead(200), 'x', 200),
  '/broken': (response) => response.writeHead(200, { 'content-length': 9 }).write('x', () => response.destroy()),
  '/of-no-status': (response) => response.writeHead(999).end(),
  '/stream': (response) => say(response.writeHead(200, { 'content-type': 'text/event-stream' }), ': alive\n\n', 200),
};
const server = createServer(({ url }, response) => answers[url!]!(response));
let at: (path: string) => string;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  at = (path) => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
});
afterAll(() => void server.close().closeAllConnections());

const found = (text: unknown) => expect.objectContaining({ finding: expect.objectContaining({ found: text }) as unknown }) as Error;

it('an answer is heard as it is', async () => {
  const answer = await ask(at('/right'));
  expect([answer.status, answer.headers.getSetCookie(), await answer.clone().json(), await inWords(answer)]).toEqual([403, ['a=1', 'b=2'], { a: 1 }, '403 {"a":1}']);
  expect(await inWords(await ask(at('/redirect')))).toBe('302 to /right');
  expect(await (await ask(at('/large'))).text()).toHaveLength(512 * 1024);
});

it('of an answer that is too much, no more than 512 kB is heard, and the finding says so', async () => {
  sent = 0;
  for (const read of [inWords, (answer: Response) => jsonOf(answer, '', ''), (answer: Response) => answer.clone().text()])
    await expect(read(await ask(at('/endless')))).rejects.toEqual(found('it sent more than 512 kB'));
  // Beside what is in the buffers of this machine.
  expect(sent).toBeLessThan(3 * 8 * 1024 * 1024);
});

it('an answer that drips is waited for as long as for one that does not come, and the finding says so', async () => {
  const began = Date.now();
  await expect(inWords(await ask(at('/dripping')))).rejects.toEqual(found('it did not end within 10 seconds'));
  expect(Date.now() - began).toBeLessThan(12_000);
});

it.each([
  ['that breaks off', '/broken', /^it broke off: /],
  ['of a status that there is not', '/of-no-status', /^none: /],
])('an answer %s is a finding, and no mistake of the check’s own', async (_, path, words) => {
  await expect(ask(at(path)).then(inWords)).rejects.toEqual(found(expect.stringMatching(words)));
});

it('a stream may be longer than the patience for its head; what is none may not', async () => {
  const open = (path: string) => EventStream.open(at(path), undefined, { method: 'tools/list' }, 1_000);
  const stream = (await open('/stream'))!;
  for (const until = Date.now() + 1_500; Date.now() < until; ) expect(await stream.next(1_000)).toContain(': alive');
  stream.close();
  await expect(inWords((await open('/dripping'))!.answer)).rejects.toEqual(found('it did not end within 1 seconds'));
});
