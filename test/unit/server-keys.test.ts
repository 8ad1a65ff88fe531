import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { initialize, ServerRoom } from '../support/server-room.ts';

let room: ServerRoom;
const statusOf = async (token: string) => (await room.post(initialize(), token)).status;

beforeEach(async () => {
  room = await ServerRoom.open();
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(async () => {
  vi.useRealTimers();
  await room.close();
});

describe('the keys of the authorization server', () => {
  it('are fetched when first needed, then kept', async () => {
    expect(room.issuer.fetches).toBe(0);
    for (let i = 0; i < 3; i += 1) expect(await statusOf(await room.issuer.token())).toBe(200);
    expect(room.issuer.fetches).toBe(1);
  });

  it('are fetched again for an unknown key id, so that a rotation needs no restart', async () => {
    expect(await statusOf(await room.issuer.token())).toBe(200);
    await room.issuer.rotate('key-2');
    vi.setSystemTime(Date.now() + 11_000);
    expect(await statusOf(await room.issuer.token())).toBe(200);
    expect(room.issuer.fetches).toBe(2);
  });

  it('are fetched at most once in the cool-down, however many key ids are made up', async () => {
    expect(await statusOf(await room.issuer.token())).toBe(200);
    vi.setSystemTime(Date.now() + 11_000);
    for (let i = 0; i < 5; i += 1) expect(await statusOf(await room.issuer.token({}, { kid: `made-up-${i}` }))).toBe(401);
    expect(room.issuer.fetches).toBe(2);
  });

  it('that left the set open nothing any more once the set is fetched again', async () => {
    const old = await room.issuer.token({ exp: Math.floor(Date.now() / 1000) + 3600 });
    expect(await statusOf(old)).toBe(200);
    await room.issuer.rotate('key-2');
    vi.setSystemTime(Date.now() + 11 * 60_000);
    expect(await statusOf(old)).toBe(401);
  });

  it('out of reach give 503 and Retry-After, never the 401 that makes a client throw a good token away', async () => {
    room.issuer.down = true;
    const response = await room.post(initialize(), await room.issuer.token());
    expect(response.status).toBe(503);
    expect(response.headers.get('Retry-After')).toBe('5');
    expect(response.headers.get('WWW-Authenticate')).toBeNull();
    expect(room.lines().at(-1)).toMatchObject({ refused: 'keys-unavailable' });
    room.issuer.down = false;
    expect(await statusOf(await room.issuer.token())).toBe(200);
  });

  it('out of reach for a while do not matter to tokens whose key is known', async () => {
    expect(await statusOf(await room.issuer.token())).toBe(200);
    room.issuer.down = true;
    vi.setSystemTime(Date.now() + 60_000);
    expect(await statusOf(await room.issuer.token())).toBe(200);
  });
});
