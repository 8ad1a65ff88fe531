import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Caller } from '../../server/caller.ts';
import { RefusedError } from '../../server/challenge.ts';
import { remember, type Verdict } from '../../server/tokens/verdicts.ts';
import { TokensRoom, withKeys } from '../support/tokens-room.ts';

const seconds = () => Math.floor(Date.now() / 1000);
const pass = (milliseconds: number) => vi.setSystemTime(Date.now() + milliseconds);
const caller = (subject: string, expiresAt = seconds() + 3600): Caller => ({ subject, groups: [], clientId: 'a-client', scopes: [], expiresAt });
const judge = vi.fn<(token: string) => Promise<Verdict>>();
const known = (answer: Caller | Promise<Caller>) => !(answer instanceof Promise);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_000 });
  judge.mockReset().mockImplementation(async (token) => ({ caller: caller(token) }));
});
afterEach(() => void vi.useRealTimers());

describe('a verdict', () => {
  it('is known at once the second time', async () => {
    const verify = remember(judge);
    expect(await verify('alice')).toMatchObject({ subject: 'alice' });
    expect(verify('alice')).toMatchObject({ subject: 'alice' });
    expect(judge).toHaveBeenCalledTimes(1);
  });

  it('is given to that very token only', async () => {
    const verify = remember(judge);
    await verify('alice');
    expect(await verify('alice ')).toMatchObject({ subject: 'alice ' });
    expect(await verify('Alice')).toMatchObject({ subject: 'Alice' });
  });

  it('is made once for all who ask at the same time', async () => {
    const verify = remember(judge);
    await Promise.all(Array.from({ length: 10 }, () => verify('alice')));
    expect(judge).toHaveBeenCalledTimes(1);
  });

  it('lasts a minute at most, however often it is used', async () => {
    const verify = remember(judge);
    await verify('alice');
    pass(30_000);
    expect(known(verify('alice'))).toBe(true);
    pass(29_999);
    expect(known(verify('alice'))).toBe(true);
    pass(1);
    expect(known(verify('alice'))).toBe(false);
  });

  it('never outlives its token and the tolerance for clocks', async () => {
    judge.mockImplementation(async (token) => ({ caller: caller(token, seconds() + 10) }));
    const verify = remember(judge);
    await verify('alice');
    pass(14_999);
    expect(known(verify('alice'))).toBe(true);
    pass(1);
    expect(known(verify('alice'))).toBe(false);
  });

  it('does not last longer for a clock that is set back', async () => {
    const verify = remember(judge);
    await verify('alice');
    pass(-1);
    expect(known(verify('alice'))).toBe(false);
  });

  it('falls with what it rests on, and with nothing else', async () => {
    let keys: object | undefined = { first: true };
    judge.mockImplementation(async (token) => ({ caller: caller(token), basis: keys }));
    const verify = remember(judge, () => keys);
    await verify('alice');
    expect(known(verify('alice'))).toBe(true);
    keys = { second: true };
    expect(known(verify('alice'))).toBe(false);
    await verify('alice');
    keys = undefined;
    expect(known(verify('alice'))).toBe(false);
  });

  it('is not kept when what it rests on is gone before it is made', async () => {
    let keys = { first: true };
    judge.mockImplementation(async (token) => {
      const basis = keys;
      await Promise.resolve();
      return { caller: caller(token), basis };
    });
    const verify = remember(judge, () => keys);
    const first = verify('alice');
    keys = { first: false };
    await first;
    expect(known(verify('alice'))).toBe(false);
  });

  it('against a token is not kept: made-up tokens would push out the good ones', async () => {
    const verify = remember(judge, undefined, 1);
    await verify('good');
    judge.mockRejectedValue(new RefusedError({ kind: 'invalid-token', reason: 'bad' }));
    for (let i = 0; i < 3; i += 1) await expect(verify('bad')).rejects.toThrow(RefusedError);
    expect(judge).toHaveBeenCalledTimes(4);
    expect(known(verify('good'))).toBe(true);
  });

  it('is the first to be forgotten when it was not used for longest', async () => {
    const verify = remember(judge, undefined, 2);
    await verify('alice');
    await verify('bob');
    verify('alice');
    await verify('carol');
    expect(known(verify('alice'))).toBe(true);
    expect(known(verify('carol'))).toBe(true);
    expect(known(verify('bob'))).toBe(false);
  });
});

describe('a known token', () => {
  let room: TokensRoom;
  beforeEach(async () => {
    room = await TokensRoom.open(withKeys);
  });
  afterEach(() => room.close());

  /** Lets the keys grow old and a request refresh them. */
  async function refresh(token: string): Promise<void> {
    const before = room.issuer.fetches;
    pass(30_000);
    await room.verify(token);
    pass(30_000);
    expect(known(room.verify(token))).toBe(true);
    await vi.waitFor(() => expect(room.issuer.fetches).toBe(before + 1));
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  const other = async () => room.issuer.token({ sub: 'bob', exp: seconds() + 3600 });

  it('stays known when a refresh finds the same keys', async () => {
    const [token, helper] = [await room.issuer.token(), await other()];
    await room.verify(helper);
    pass(29_000);
    await room.verify(token);
    pass(31_000);
    expect(known(room.verify(token))).toBe(true);
    await vi.waitFor(() => expect(room.issuer.fetches).toBe(2));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(known(room.verify(token))).toBe(true);
  });

  it('goes at once when its key leaves the key set, long before its verdict is a minute old', async () => {
    const token = await other();
    await room.verify(await room.issuer.token());
    await room.issuer.rotate('key-2');
    await refresh(token);
    expect(await room.refusal(token)).toEqual({ kind: 'invalid-token', reason: 'ERR_JWKS_NO_MATCHING_KEY' });
  });

  it('goes at once when another key takes over the same key id', async () => {
    const token = await other();
    await room.verify(await room.issuer.token());
    await room.issuer.rotate('key-1');
    await refresh(token);
    expect(await room.refusal(token)).toEqual({ kind: 'invalid-token', reason: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' });
  });

  it('goes when an unknown key id brings the new keys', async () => {
    const token = await other();
    await room.verify(token);
    await room.issuer.rotate('key-2');
    pass(10_000);
    await room.verify(await other());
    expect(await room.refusal(token)).toMatchObject({ kind: 'invalid-token' });
  });

  it('is refused once it has expired, cached or not', async () => {
    const token = await room.issuer.token({ exp: seconds() + 10 });
    await room.verify(token);
    pass(14_999);
    expect(known(room.verify(token))).toBe(true);
    pass(1);
    expect(await room.refusal(token)).toEqual({ kind: 'invalid-token', reason: 'expired' });
  });
});
