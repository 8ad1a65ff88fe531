import { hash, timingSafeEqual } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SCOPES, TokensRoom } from '../support/tokens-room.ts';

vi.mock('node:crypto', { spy: true });

const seconds = () => Math.floor(Date.now() / 1000);
let room: TokensRoom;
afterEach(() => room.close());

describe('static tokens', () => {
  const tokens = ['alice', 'bob', 'carol'].map((name) => ({ name, sha256: hash('sha256', `token-of-${name}`) }));
  beforeEach(async () => {
    room = await TokensRoom.open(() => ({ kind: 'bearer', tokens }));
    vi.mocked(timingSafeEqual).mockClear();
  });

  it('say who calls, with all scopes of the server, for a minute from now', async () => {
    const caller = await room.verify('token-of-bob');
    expect(caller).toEqual({ subject: 'bearer:bob', username: 'bob', groups: [], clientId: 'bearer', scopes: SCOPES, expiresAt: expect.any(Number) });
    expect(caller.expiresAt - seconds()).toBeGreaterThanOrEqual(59);
    expect(caller.expiresAt - seconds()).toBeLessThanOrEqual(60);
    expect((await room.tokens.verifier('https://mcp.example.org/files', ['files:read'])('token-of-bob')).scopes).toEqual(['files:read']);
  });

  it.each(['', 'token-of-', 'token-of-alice ', 'Token-of-alice', hash('sha256', 'token-of-alice')])('are not opened by %j', async (token) => {
    expect(await room.refusal(token)).toEqual({ kind: 'invalid-token', reason: 'is none of the static tokens' });
  });

  it.each(['token-of-alice', 'token-of-carol', 'nothing'])('are all compared, in constant time, wherever the right one stands: %s', async (token) => {
    await room.outcome(token);
    expect(timingSafeEqual).toHaveBeenCalledTimes(3);
    for (const [first, second] of vi.mocked(timingSafeEqual).mock.calls) expect([first.byteLength, second.byteLength]).toEqual([32, 32]);
  });

  it('are needed by every request, and there is nothing that could be out of reach', () => {
    expect(room.tokens.required).toBe(true);
    expect(room.tokens.problem()).toBeUndefined();
    expect(room.log).toEqual([]);
  });
});

describe('auth: none', () => {
  beforeEach(async () => {
    room = await TokensRoom.open(() => ({ kind: 'none' }));
  });

  it('lets everybody in, with all scopes', async () => {
    expect(room.tokens.required).toBe(false);
    expect(room.tokens.problem()).toBeUndefined();
    for (const token of ['', 'anything']) expect(await room.verify(token)).toMatchObject({ subject: 'anonymous', groups: [], clientId: 'anonymous', scopes: SCOPES });
  });

  it('is loud at start: one line with the danger and the key to set', () => {
    expect(room.log).toEqual([expect.stringMatching(/^warn: DANGER.*drawbridge:auth.*without signing in.*oauth or bearer/)]);
  });
});
