import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { fixture, initialize, isAlive, messagesOf, Supervised, textOf, toolCall } from '../support/supervised.ts';

let room: Supervised;
afterEach(() => room.stop());

const session = async (subject = 'alice') => {
  const response = await room.post(initialize(), { 'Drawbridge-Subject': subject });
  return { 'Drawbridge-Subject': subject, 'Mcp-Session-Id': response.headers.get('Mcp-Session-Id')! };
};
const call = async (headers: Record<string, string>, name: string, args: object = {}) => (await messagesOf(await room.post(toolCall(name, args), headers)))[0]!;
const whereabouts = async (headers: Record<string, string>) =>
  JSON.parse(textOf((await call(headers, 'whereabouts')).result)) as { pid: number; cwd: string; env: Record<string, string>; args: string[] };
const logged = (pattern: RegExp) => vi.waitFor(() => expect(room.log.join('\n')).toMatch(pattern));

describe('a process', () => {
  it('is one user\'s, in a directory that is that user\'s, with the placeholder filled in', async () => {
    const env = { PLACE: '{userDirectory}/place' };
    room = await Supervised.start([], { args: [fixture('legacy'), '--root={userDirectory}'], env });
    const [alice, bob] = await Promise.all(['alice', '../böb'].map(async (subject) => whereabouts(await session(encodeURIComponent(subject)))));
    expect(alice!.pid).not.toBe(bob!.pid);
    expect(alice!.cwd).toBe(join(room.directory, 'users', '2bd806c97f0e00af'));
    expect(bob!.cwd).toMatch(/users\/[0-9a-f]{16}$/);
    expect(alice!.args).toEqual([`--root=${alice!.cwd}`]);
    expect(alice!.env.PLACE).toBe(`${alice!.cwd}/place`);
    expect(statSync(alice!.cwd).mode & 0o777).toBe(0o700);
  });

  it('has the environment that it was given and little else: not the settings, which hold every secret', async () => {
    room = await Supervised.start(['legacy'], { env: { KEY: 'value' } });
    const { env } = await whereabouts(await session());
    expect(env.KEY).toBe('value');
    expect(Object.keys(env).filter((key) => !['KEY', 'PATH', 'HOME', 'TMPDIR', 'LANG', 'NODE_USE_SYSTEM_CA'].includes(key))).toEqual([]);
  });

  it('is everyone\'s where it is shared', async () => {
    room = await Supervised.start(['legacy'], { processes: 'shared' });
    const [alice, bob] = await Promise.all(['alice', 'bob'].map(async (subject) => whereabouts(await session(subject))));
    expect(alice!.pid).toBe(bob!.pid);
    expect(alice!.cwd).toBe(join(room.directory, 'users', 'shared'));
    expect(readdirSync(join(room.directory, 'users'))).toEqual(['shared']);
  });

  it('writes its error output and what is no JSON-RPC to the log, under the name of its directory', async () => {
    room = await Supervised.start(['legacy']);
    const headers = await session();
    await call(headers, 'complain', { lines: ['a complaint', 'forged\u001b[2Jline'] });
    expect(textOf((await call(headers, 'babble')).result)).toBe('babbled');
    await logged(/^\[2bd806c97f0e00af\] a complaint$/m);
    await logged(/^\[2bd806c97f0e00af\] forged \[2Jline$/m);
    await logged(/^\[2bd806c97f0e00af\] \(not JSON-RPC, on its standard output\) this is no JSON$/m);
  });

  it('that cannot be started is an error that says why', async () => {
    room = await Supervised.start([], { command: 'no-such-command' });
    for (let i = 0; i < 2; i += 1) {
      const response = await room.post(initialize());
      expect(response.status).toBe(500);
      expect(await messagesOf(response)).toMatchObject([{ id: 1, error: { code: -32603, message: 'cannot start no-such-command: not found' } }]);
    }
    await logged(/cannot start no-such-command: not found/);
  });
});

describe('a crash', () => {
  it('is told to those who wait, at once, and the next request starts the server again with the same handshake', async () => {
    room = await Supervised.start(['legacy'], {}, { firstWait: 0 });
    const headers = await session();
    const first = await whereabouts(headers);
    const waiting = call(headers, 'slow', { milliseconds: 20_000, message: 'a' });
    const crashed = await call(headers, 'crash', { code: 3 });
    expect([crashed, await waiting]).toMatchObject([1, 2].map(() => ({ id: 1, error: { code: -32603, message: 'the server stopped; the log of its container says why' } })));
    await logged(/the server stopped by itself after \d+ ms: exit code 3; out of cheese; it may start again in 0 ms/);
    const second = await whereabouts(headers);
    expect(second.pid).not.toBe(first.pid);
    expect(JSON.parse(textOf((await call(headers, 'seen')).result))).toEqual(['initialize', 'notifications/initialized', 'tools/call', 'tools/call']);
  });

  it('of one user is none of another\'s', async () => {
    room = await Supervised.start(['legacy']);
    const [alice, bob] = [await session('alice'), await session('bob')];
    const waiting = call(bob, 'slow', { milliseconds: 200, message: 'b' });
    await call(alice, 'crash', { code: 3 });
    expect(textOf((await waiting).result)).toBe('slow b');
  });

  it('soon after the start has the next start wait, longer each time, which is said with 503 and Retry-After', async () => {
    room = await Supervised.start(['raw', 'crasher', '7'], {}, { firstWait: 200 });
    expect(await messagesOf(await room.post(initialize()))).toMatchObject([{ error: { code: -32603, message: 'the server stopped; the log of its container says why' } }]);
    const refused = await room.post(initialize());
    expect(refused.status).toBe(503);
    expect(refused.headers.get('Retry-After')).toBe('1');
    expect(await messagesOf(refused)).toMatchObject([{ id: 1, error: { code: -32603, message: 'the server stopped; it may start again in 1 s' } }]);
    await new Promise((resolve) => setTimeout(resolve, 210));
    expect((await room.post(initialize())).status).toBe(200);
    await logged(/exit code 7; no such database; it may start again in 200 ms[^]*it may start again in 400 ms/);
  });
});

describe('processes that are not needed', () => {
  it('are stopped when idle, and started again for their sessions', async () => {
    room = await Supervised.start(['legacy'], { idleSeconds: 0.3 });
    const headers = await session();
    const { pid } = await whereabouts(headers);
    expect(textOf((await call(headers, 'slow', { milliseconds: 700, message: 'busy' })).result)).toBe('slow busy');
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), 3_000);
    expect((await whereabouts(headers)).pid).not.toBe(pid);
    expect(room.log.join()).not.toMatch(/stopped by itself/);
  });

  it('stay while a stream is open', async () => {
    room = await Supervised.start(['legacy'], { idleSeconds: 0.2 });
    const client = await room.client();
    await vi.waitFor(() => expect(room.streams).toBe(1));
    const { pid } = JSON.parse(textOf(await client.callTool({ name: 'whereabouts' }))) as { pid: number };
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect(isAlive(pid)).toBe(true);
  });

  it('make room for others, the one idle longest first; where all are busy the answer is 503', async () => {
    room = await Supervised.start(['legacy'], { maxProcesses: 2 });
    const [alice, bob] = [await session('alice'), await session('bob')];
    const [first, second] = [await whereabouts(alice), await whereabouts(bob)];
    const third = await whereabouts(await session('carol'));
    expect([first, second, third].map(({ pid }) => isAlive(pid))).toEqual([false, true, true]);

    const busy = ['bob', 'carol'].map(async (subject) => call(await session(subject), 'slow', { milliseconds: 500, message: subject }));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const refused = await room.post(toolCall('seen'), alice);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('Retry-After')).toBe('5');
    await Promise.all(busy);
    expect((await whereabouts(alice)).pid).toBeGreaterThan(0);
  });

  it('that do not end are killed', async () => {
    room = await Supervised.start(['raw', 'deaf'], {}, { handshake: 300, stop: 200 });
    expect(await messagesOf(await room.post(initialize()))).toMatchObject([{ error: { code: -32603, message: 'the server does not answer' } }]);
    await logged(/no answer to initialize within 300 ms[^]*\] no/);
    // The next one waits for the end of the one before.
    const started = performance.now();
    await room.post(initialize());
    expect(performance.now() - started).toBeGreaterThan(400);
  });

  it('take what they have started with them', async () => {
    const script = `sleep 60 & echo "helper $!" >&2; exec "${process.execPath}" "${fixture('legacy')}"`;
    room = await Supervised.start([], { command: 'sh', args: ['-c', script] });
    const headers = await session();
    const helper = Number(/helper (\d+)/.exec(room.log.join('\n'))![1]);
    expect(isAlive(helper)).toBe(true);
    // It holds the pipes of the server, too: those who wait are told all the same.
    expect(await call(headers, 'crash', { code: 1 })).toMatchObject({ error: { message: 'the server stopped; the log of its container says why' } });
    await vi.waitFor(() => expect(isAlive(helper)).toBe(false));
  });
});

describe('bounds', () => {
  it('a server that writes a line of more than 16 MB is killed', async () => {
    room = await Supervised.start(['legacy']);
    expect(await call(await session(), 'flood')).toMatchObject({ error: { message: 'the server stopped; the log of its container says why' } });
    await logged(/killed: it wrote a line of more than 16777216 bytes/);
  });

  it.each([500, 10_000, 1_000_000])('a server that nests a message %i levels deep is killed, and no other', async (levels) => {
    room = await Supervised.start(['legacy']);
    const [alice, bob] = [await session('alice'), await session('bob')];
    const { pid } = await whereabouts(bob);
    expect(await call(alice, 'deep', { levels })).toMatchObject({ error: { message: 'the server stopped; the log of its container says why' } });
    await logged(/^\[2bd806c97f0e00af\] killed: it wrote a message that cannot be handled: nested deeper than 500 levels$/m);
    expect((await whereabouts(bob)).pid).toBe(pid);
  });

  it('a client that does not read is dropped, and its process goes on', async () => {
    room = await Supervised.start(['legacy']);
    const headers = await session();
    const socket = connect(Number(room.url.port), '127.0.0.1');
    const lines = [`GET /mcp HTTP/1.1`, `Host: localhost`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    await once(socket, 'readable');
    const closed = once(socket.on('error', () => {}), 'close');
    for (let i = 0; i < 4; i += 1) {
      await call(headers, 'later', { milliseconds: 0, message: { method: 'notifications/any' }, padding: 8 * 1024 * 1024 });
      expect(textOf((await call(headers, 'echo', { message: 'goes on' })).result)).toBe('goes on');
    }
    socket.resume();
    await closed;
  });
});
