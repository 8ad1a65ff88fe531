import { afterEach, describe, expect, it } from 'vitest';
import { createAllowlist } from '../../server/allowlist.ts';
import type { Caller } from '../../server/caller.ts';
import { GatewayRoom } from '../support/gateway-room.ts';

let room: GatewayRoom | undefined;
afterEach(async () => {
  await room?.close();
  room = undefined;
});

describe('the allow-list', () => {
  const caller = (changes: Partial<Caller>): Caller => ({ subject: 's-1', username: 'alice', groups: [], clientId: 'a', scopes: [], expiresAt: 0, ...changes });
  const list = { users: [], groups: [], domains: [], caseSensitive: false };

  it('lets in everybody where there is none, and nobody where it is empty', () => {
    expect(createAllowlist(undefined)(caller({}))).toBe(true);
    expect(createAllowlist(list)(caller({ email: 'a@b.c', groups: [''] }))).toBe(false);
  });

  it.each<[string, object, Partial<Caller>]>([
    ['user name', { users: ['Alice'] }, { username: 'aLICE' }],
    ['subject', { users: ['s-1'] }, { username: undefined }],
    ['verified address', { users: ['Alice@Example.org'] }, { email: 'alice@example.ORG' }],
    ['group', { groups: ['Staff/Writers'] }, { groups: ['other', 'staff/writers'] }],
    ['domain of the address', { domains: ['Example.org'] }, { email: 'x@EXAMPLE.ORG' }],
    ['domain of an address with several @, the last', { domains: ['Example.org'] }, { email: '"a@evil"@example.ORG' }],
  ])('lets in by %s, in any case unless told otherwise', (_by, entries, who) => {
    expect(createAllowlist({ ...list, ...entries })(caller(who))).toBe(true);
    if (_by !== 'subject') expect(createAllowlist({ ...list, ...entries, caseSensitive: true })(caller(who))).toBe(false);
    expect(createAllowlist({ ...list, ...entries })(caller({ subject: 'other', username: 'mallory', email: 'mallory@evil.example', groups: ['evil'] }))).toBe(false);
  });

  it.each<[string, object, Partial<Caller>]>([
    ['a user name that is somebody\'s address', { users: ['alice@example.org'] }, { username: 'alice@example.org' }],
    ['a user name in a listed domain', { domains: ['example.org'] }, { username: 'x@example.org' }],
    ['a domain that only ends like one', { domains: ['example.org'] }, { email: 'x@evil-example.org' }],
    ['a domain below one', { domains: ['example.org'] }, { email: 'x@sub.example.org' }],
    ['an address with a listed domain in its name', { domains: ['example.org'] }, { email: 'x@example.org@evil.example' }],
    ['a quoted name that holds a listed domain', { domains: ['example.org', 'example.org"'] }, { email: '"x@example.org"@evil.example' }],
    ['a domain before the last @', { domains: ['evil.org', 'evil.org@example.org'] }, { email: 'x@evil.org@example.org' }],
    ['an address that has no @', { domains: ['example.org'] }, { email: 'example.org' }],
    ['a user name that only Unicode folds to one', { users: ['mark'] }, { username: 'mar\u212a' }],
    ['a domain that only Unicode folds to one', { domains: ['bank.example'] }, { email: 'x@ban\u212a.example' }],
    ['a subject in another case', { users: ['s-1'] }, { subject: 'S-1' }],
    ['a group that only begins like one', { groups: ['staff'] }, { groups: ['staff/guests', 'staffers'] }],
  ])('does not let in by %s', (_by, entries, who) => {
    expect(createAllowlist({ ...list, ...entries })(caller(who))).toBe(false);
  });

  it('answers 403 that says who is not on it and what to do, without a challenge: no other token would help', async () => {
    room = await GatewayRoom.open('modern', { change: (server) => void (server.allowlist = { ...list, users: ['bob'], domains: ['example.org'], groups: ['staff'] }) });
    const response = await room!.modern('tools/list');
    expect([response.status, response.headers.get('WWW-Authenticate')]).toEqual([403, null]);
    expect(await response.json()).toEqual({ error: 'access_denied', error_description: 'The user alice is not on the list of those who may use the server mcp. Whoever runs it can add you to its allowlist.' });
    expect(room!.backend.requests).toEqual([]);
    expect(room!.room.lines().at(-1)).toMatchObject({ refused: 'not-allowed', username: 'alice', status: 403 });

    const may = async (claims: object) => (await room!.modern('tools/list', {}, { claims: claims as never })).status;
    expect(await may({ email: 'alice@example.org', email_verified: true })).toBe(200);
    for (const email_verified of [false, undefined, 'true']) expect(await may({ email: 'alice@example.org', email_verified })).toBe(403);
    expect(await may({ groups: ['/Staff'] })).toBe(200);
    expect(await may({ preferred_username: 'BOB' })).toBe(200);
  });
});
