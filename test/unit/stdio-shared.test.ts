import { ResourceUpdatedNotificationSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { initialize, messagesOf, Supervised, textOf, toolCall } from '../support/supervised.ts';

let room: Supervised;
beforeEach(async () => {
  room = await Supervised.start(['legacy'], { processes: 'shared' });
});
afterEach(() => room.stop());

const session = async (capabilities?: object, subject = 'alice') => ({
  'Drawbridge-Subject': subject,
  'Mcp-Session-Id': (await room.post(initialize(capabilities), { 'Drawbridge-Subject': subject })).headers.get('Mcp-Session-Id')!,
});
const sampling = { method: 'sampling/createMessage', params: { messages: [], maxTokens: 10 } };

describe('a shared process', () => {
  it('asks nobody and logs to nobody, since it could be the wrong user', async () => {
    const alice = await session({ sampling: {} });
    const bob = await session({ sampling: {} }, 'bob');
    const slow = room.post(toolCall('slow', { milliseconds: 300, message: 'a' }, 1, { progressToken: 1 }), bob);
    await room.post(toolCall('later', { milliseconds: 10, message: { id: 99, ...sampling } }), alice);
    const log = { method: 'notifications/message', params: { level: 'info', data: 'about alice' } };
    await room.post(toolCall('later', { milliseconds: 10, message: log }), alice);
    expect((await messagesOf(await slow)).map(({ method }) => method)).toEqual(['notifications/progress', 'notifications/progress', undefined]);
    const [seen] = await messagesOf(await room.post(toolCall('seen'), alice));
    expect(JSON.parse(textOf(seen!.result))).toContain('response');
  });
  it('has 100 calls of a user under way, of which the oldest is given up whose client hung up; else that user is refused, and no other', async () => {
    const [mallory, bob] = [await session({}, 'mallory'), await session({}, 'bob')];
    const hangUp = new AbortController();
    const hang = (message: string, signal?: AbortSignal) => void room.post(toolCall('slow', { milliseconds: 60_000, message }), mallory, signal).catch(() => {});
    const seen = async () => JSON.parse(textOf((await messagesOf(await room.post(toolCall('seen'), bob)))[0]!.result)) as string[];
    const status = async (headers: Record<string, string>) => (await room.post(toolCall('echo', { message: 'a' }), headers)).status;
    const pause = () => new Promise((resolve) => setTimeout(resolve, 200));

    for (const [message, signal] of [['open', undefined], ['older', hangUp.signal], ['newer', hangUp.signal]] as const) {
      hang(message, signal);
      await pause();
    }
    for (let i = 3; i < 100; i += 1) hang('open');
    await vi.waitFor(async () => expect((await seen()).filter((method) => method === 'tools/call').length).toBeGreaterThan(100), 5_000);
    expect([await status(mallory), await status(bob)]).toEqual([503, 200]);

    hangUp.abort();
    await pause();
    expect(await status(mallory)).toBe(200);
    expect((await seen()).filter((what) => what.startsWith('aborted'))).toEqual(['aborted older']);
  });

  it('tells of a resource only those who subscribed to it', async () => {
    const heard: string[] = [];
    const subscriber = async (name: string) => {
      const client = await room.client(name);
      client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void heard.push(`${name} ${params.uri}`));
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard.push(`${name} done`));
      return client;
    };
    const [alice, bob] = [await subscriber('alice'), await subscriber('bob')];
    await vi.waitFor(() => expect(room.streams).toBe(2));
    const update = (uri: string) => alice.callTool({ name: 'later', arguments: { milliseconds: 0, message: { method: 'notifications/resources/updated', params: { uri } } } });
    await alice.subscribeResource({ uri: 'file:///a' });
    await alice.subscribeResource({ uri: 'file:///left' });
    await alice.unsubscribeResource({ uri: 'file:///left' });
    await bob.subscribeResource({ uri: 'file:///b' });
    await expect(bob.subscribeResource({ uri: 'file:///refused' })).rejects.toThrow('refused');
    for (const uri of ['file:///a', 'file:///b', 'file:///left', 'file:///refused']) await update(uri);
    // What concerns all of them comes after.
    await alice.callTool({ name: 'later', arguments: { milliseconds: 20, message: { method: 'notifications/tools/list_changed' } } });
    await vi.waitFor(() => expect(heard.filter((what) => what.endsWith('done'))).toHaveLength(2));
    expect(heard.filter((what) => !what.endsWith('done'))).toEqual(['alice file:///a', 'bob file:///b']);
  });
});
