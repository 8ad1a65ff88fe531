import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TokensRoom, withKeys } from '../support/tokens-room.ts';

const MINUTE = 60_000;
let room: TokensRoom;
const pass = (milliseconds: number) => vi.setSystemTime(Date.now() + milliseconds);
const lasting = () => room.issuer.token({ exp: Math.floor(Date.now() / 1000) + 24 * 3600 });
const outcome = async (token: string) => (await room.refusal(token))?.kind ?? 'good';
const fetched = (times: number) => vi.waitFor(() => expect(room.issuer.fetches).toBe(times));
/** Until a fetch in the background has come to its end here. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 30));

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  room = await TokensRoom.open(withKeys);
});
afterEach(async () => {
  vi.useRealTimers();
  await room.close();
});

describe('the signing keys', () => {
  it('are fetched at first use, once for all who wait for them, then kept', async () => {
    expect(room.tokens.problem()).toBeUndefined();
    await settled();
    expect(room.issuer.fetches).toBe(0);
    const tokens = await Promise.all(Array.from({ length: 20 }, (_, index) => room.issuer.token({ sub: `user-${index}` })));
    expect(await Promise.all(tokens.map(outcome))).toEqual(tokens.map(() => 'good'));
    expect(room.issuer.fetches).toBe(1);
  });

  it('are not fetched for what is no token', async () => {
    expect(await outcome('garbage')).toBe('invalid-token');
    expect(room.issuer.fetches).toBe(0);
  });

  it('are refreshed while in use, when older than a minute, and nobody waits for that', async () => {
    const token = await lasting();
    await room.verify(token);
    pass(MINUTE - 1);
    await room.verify(token);
    await settled();
    expect(room.issuer.fetches).toBe(1);

    room.issuer.routes['/certs'] = () => {};
    pass(1);
    expect(await outcome(await lasting())).toBe('good');
    await fetched(2);
    pass(3_000);
    expect(await outcome(await lasting())).toBe('good');
    await settled();
    expect(room.issuer.fetches).toBe(2);
  });

  it('are refreshed by requests whose verdict is cached, too', async () => {
    const [first, second] = [await lasting(), await room.issuer.token({ sub: 'bob' })];
    await room.verify(first);
    pass(30_000);
    await room.verify(second);
    pass(30_000);
    expect(room.verify(second)).not.toBeInstanceOf(Promise);
    await fetched(2);
  });

  it('are fetched again for an unknown key id, so that a rotation needs no restart', async () => {
    await room.verify(await lasting());
    await room.issuer.rotate('key-2');
    pass(10_000);
    expect(await outcome(await lasting())).toBe('good');
    expect(room.issuer.fetches).toBe(2);
  });

  it('are fetched at most once in the cool-down, however many key ids are made up', async () => {
    await room.verify(await lasting());
    pass(9_999);
    expect(await outcome(await room.issuer.token({}, { kid: 'made-up' }))).toBe('invalid-token');
    expect(room.issuer.fetches).toBe(1);
    pass(1);
    const made = await Promise.all(Array.from({ length: 5 }, (_, index) => room.issuer.token({}, { kid: `made-up-${index}` })));
    expect(await Promise.all(made.map(outcome))).toEqual(made.map(() => 'invalid-token'));
    expect(await outcome(await room.issuer.token({}, { kid: 'made-up' }))).toBe('invalid-token');
    expect(room.issuer.fetches).toBe(2);
  });

  it('open nothing any more once they are withdrawn', async () => {
    const old = await lasting();
    await room.verify(old);
    await room.issuer.rotate('key-2');
    pass(MINUTE);
    await outcome(await lasting());
    await settled();
    expect(await outcome(old)).toBe('invalid-token');
  });

  it('may all be withdrawn', async () => {
    const old = await lasting();
    await room.verify(old);
    room.issuer.routes['/certs'] = (_req, res) => void res.end('{"keys":[]}');
    pass(MINUTE);
    room.verify(old);
    await fetched(2);
    await settled();
    expect(await outcome(old)).toBe('invalid-token');
  });

  it('survive an outage for an hour, and then give 503 until they are back', async () => {
    await room.verify(await lasting());
    room.issuer.down = true;
    for (let minute = 1; minute < 60; minute += 1) {
      pass(MINUTE);
      expect(await outcome(await lasting())).toBe('good');
      await settled();
      expect(room.tokens.problem()).toBeUndefined();
    }
    const cached = await lasting();
    await room.verify(cached);
    pass(MINUTE);
    expect(await outcome(cached)).toBe('keys-unavailable');
    expect(await outcome(await lasting())).toBe('keys-unavailable');
    expect(room.tokens.problem()).toBe(`${room.issuer.jwksUrl} answered 503`);
    room.issuer.down = false;
    pass(1_000);
    expect(await outcome(cached)).toBe('good');
    expect(room.tokens.problem()).toBeUndefined();
  });

  it('out of reach from the start give 503, never the 401 that makes a client throw a good token away', async () => {
    room.issuer.down = true;
    expect(await room.refusal(await lasting())).toEqual({ kind: 'keys-unavailable', reason: `${room.issuer.jwksUrl} answered 503` });
    expect(room.tokens.problem()).toBe(`${room.issuer.jwksUrl} answered 503`);
    room.issuer.down = false;
    pass(1_000);
    expect(await outcome(await lasting())).toBe('good');
  });

  it('come back without a request, when readiness is asked for', async () => {
    room.issuer.down = true;
    await outcome(await lasting());
    room.issuer.down = false;
    pass(1_000);
    await vi.waitFor(() => expect(room.tokens.problem()).toBeUndefined());
  });

  it('are asked for at most once a second in an outage, however many requests come', async () => {
    room.issuer.down = true;
    for (let i = 0; i < 10; i += 1) await outcome(await lasting());
    expect(room.issuer.fetches).toBe(1);
    pass(1_000);
    for (let i = 0; i < 10; i += 1) await outcome(await lasting());
    expect(room.issuer.fetches).toBe(2);
  });

  it('give 503 to an unknown key id in an outage: it may be a new key', async () => {
    await room.verify(await lasting());
    await room.issuer.rotate('key-2');
    room.issuer.down = true;
    pass(10_000);
    expect(await outcome(await lasting())).toBe('keys-unavailable');
    expect(await outcome(await lasting())).toBe('keys-unavailable');
    expect(room.issuer.fetches).toBe(2);
  });

  it.each<[string, string | RegExp, (res: ServerResponse) => void]>([
    ['a redirect, which could lead to keys of somebody else', 'answered 302', (res) => res.writeHead(302, { Location: '/elsewhere' }).end()],
    ['more than 256 KiB', 'answered more than 262144 bytes', (res) => res.end(`{"keys":[],"x":"${'x'.repeat(300_000)}"}`)],
    ['no JSON', 'answered no JSON object', (res) => res.end('<html>')],
    ['a JSON list', 'answered no JSON object', (res) => res.end('[]')],
    ['no key set', 'JSON Web Key Set malformed', (res) => res.end('{"keys":7}')],
    ['a connection that breaks', /out of reach|ECONNRESET|UND_ERR_SOCKET/, (res) => res.destroy()],
    ['a body that breaks', /out of reach|UND_ERR_SOCKET/, (res) => void res.writeHead(200, { 'Content-Length': 100 }).write('{', () => res.destroy())],
  ])('are not replaced by %s', async (_what, problem, answer) => {
    room.issuer.routes['/elsewhere'] = (_req, res) => void res.end(JSON.stringify({ keys: [room.issuer.publicKey] }));
    const good = await lasting();
    await room.verify(good);
    room.issuer.routes['/certs'] = (_req, res) => answer(res);
    pass(MINUTE);
    await room.verify(await lasting());
    await fetched(2);
    await vi.waitFor(() => expect(room.log.join('\n')).toMatch(problem));
    expect(await outcome(await lasting())).toBe('good');
  });

  it('are given five seconds', async () => {
    const begun = performance.now();
    room.issuer.routes['/certs'] = (_req, res) => void res.writeHead(200).write('{"keys":');
    expect(await room.refusal(await lasting())).toEqual({ kind: 'keys-unavailable', reason: `${room.issuer.jwksUrl} did not answer within 5 s` });
    expect(performance.now() - begun).toBeLessThan(6_000);
  });

  it('are missed and found in the log once each, not with every request', async () => {
    room.issuer.down = true;
    for (let i = 0; i < 3; i += 1) {
      await outcome(await lasting());
      pass(1_000);
    }
    room.issuer.down = false;
    for (let i = 0; i < 3; i += 1) await outcome(await lasting());
    expect(room.log).toEqual([`error: the signing keys: ${room.issuer.jwksUrl} answered 503`, 'info: the signing keys: available again']);
  });
});

describe('a clock that is set back', () => {
  it('keeps neither keys nor verdicts alive for longer', async () => {
    const token = await lasting();
    await room.verify(token);
    pass(-10 * MINUTE);
    expect(room.verify(token)).toBeInstanceOf(Promise);
    await fetched(2);
  });
});
