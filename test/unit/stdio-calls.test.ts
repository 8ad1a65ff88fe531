import { CreateMessageRequestSchema, ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { LoggingMessageNotificationSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { initialize, messagesOf, Supervised, textOf, toolCall } from '../support/supervised.ts';

let room: Supervised;
beforeEach(async () => {
  room = await Supervised.start(['legacy']);
});
afterEach(() => room.stop());

const session = async (capabilities?: object, subject = 'alice') => ({
  'Drawbridge-Subject': subject,
  'Mcp-Session-Id': (await room.post(initialize(capabilities), { 'Drawbridge-Subject': subject })).headers.get('Mcp-Session-Id')!,
});
/** Clients open their GET streams a moment after the handshake. */
const streamsOpen = (count: number) => vi.waitFor(() => expect(room.streams).toBe(count));
const sampling = { method: 'sampling/createMessage', params: { messages: [], maxTokens: 10 } };
const sampled = { role: 'assistant' as const, content: { type: 'text' as const, text: 'sampled' }, model: 'a-model' };

describe('a call', () => {
  it('is answered with JSON where the answer comes first', async () => {
    const response = await room.post(toolCall('echo', { message: 'hello' }, 'an-id'), await session());
    expect(response.headers.get('Content-Type')).toBe('application/json');
    expect(await messagesOf(response)).toEqual([{ jsonrpc: '2.0', id: 'an-id', result: { content: [{ type: 'text', text: 'hello' }] } }]);
  });

  it('is answered with a stream where progress comes first, under the token that the client chose', async () => {
    const response = await room.post(toolCall('slow', { milliseconds: 20, message: 'a' }, 7, { progressToken: 'mine' }), await session());
    expect(response.headers.get('Content-Type')).toBe('text/event-stream');
    expect(await messagesOf(response)).toMatchObject([
      { method: 'notifications/progress', params: { progressToken: 'mine', progress: 1 } },
      { method: 'notifications/progress', params: { progressToken: 'mine', progress: 2 } },
      { id: 7, result: {} },
    ]);
  });

  it('keeps its answer and progress apart from 20 others of two sessions with the same id and token', async () => {
    const sessions = [await session(), await session()];
    await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const args = { milliseconds: 10 + ((i * 7) % 30), message: `call ${i}` };
        const messages = await messagesOf(await room.post(toolCall('slow', args, 1, { progressToken: 1 }), sessions[i % 2]));
        expect(messages.map(({ params }) => params?.message)).toEqual([`call ${i}`, `call ${i}`, undefined]);
        expect(textOf(messages[2]!.result)).toBe(`slow call ${i}`);
      }),
    );
  });

  it('is cancelled at the server by its own session, and its stream ends without an answer', async () => {
    const [mine, other] = [await session(), await session()];
    const call = room.post(toolCall('slow', { milliseconds: 5_000, message: 'long' }, 1), mine);
    const seen = async () => textOf((await messagesOf(await room.post(toolCall('seen'), mine)))[0]!.result);
    const cancel = (headers: Record<string, string>) => room.post({ method: 'notifications/cancelled', params: { requestId: 1 } }, headers);
    await vi.waitFor(async () => expect(JSON.parse(await seen())).toContain('tools/call'));
    expect((await cancel(other)).status).toBe(202);
    expect(await seen()).not.toContain('aborted long');
    expect((await cancel(mine)).status).toBe(202);
    expect(await seen()).toContain('aborted long');
    expect(await messagesOf(await call)).toEqual([]);
  });

  it('of a client that hangs up goes on, as versions before 2026-07-28 have it', async () => {
    const headers = await session();
    const hangUp = new AbortController();
    const call = room.post(toolCall('slow', { milliseconds: 100, message: 'a' }), headers, hangUp.signal);
    setTimeout(() => hangUp.abort(), 30);
    await expect(call).rejects.toThrow();
    expect(textOf((await messagesOf(await room.post(toolCall('seen'), headers)))[0]!.result)).not.toMatch(/aborted|cancelled/);
  });

  it('passes a large answer and integers past 2^53 unchanged', async () => {
    const headers = await session();
    const [big] = await messagesOf(await room.post(toolCall('big', { bytes: 12 * 1024 * 1024 }), headers));
    expect(textOf(big!.result)).toHaveLength(12 * 1024 * 1024);
    expect(await (await room.post(toolCall('number'), headers)).text()).toContain('"exact":12345678901234567890');
  });
});

describe('a request of the server', () => {
  it('reaches the real client whose call is running, and the answer finds its way back', async () => {
    const client = await room.client('alice', { sampling: {}, roots: {} });
    client.setRequestHandler(CreateMessageRequestSchema, () => sampled);
    client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///home' }] }));
    expect(JSON.parse(textOf(await client.callTool({ name: 'ask', arguments: sampling })))).toEqual(sampled);
    expect(JSON.parse(textOf(await client.callTool({ name: 'ask', arguments: { method: 'roots/list' } })))).toEqual({ roots: [{ uri: 'file:///home' }] });
  });

  it('reaches the GET stream where no call is running', async () => {
    const client = await room.client('alice', { sampling: {} });
    const asked = new Promise((resolve) => client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => (resolve(params), sampled)));
    await streamsOpen(1);
    await client.callTool({ name: 'later', arguments: { milliseconds: 20, message: { id: 99, ...sampling } } });
    expect(await asked).toEqual(sampling.params);
    await vi.waitFor(async () => expect(textOf(await client.callTool({ name: 'seen' }))).toContain('response'));
  });

  it('is refused at once where the client has no such capability', async () => {
    const [message] = await messagesOf(await room.post(toolCall('ask', sampling), await session({ roots: {} })));
    expect(JSON.parse(textOf(message!.result))).toMatchObject({ code: -32601 });
  });

  it('is answered by the supervisor where it is a ping', async () => {
    const [message] = await messagesOf(await room.post(toolCall('ask', { method: 'ping' }), await session()));
    expect(JSON.parse(textOf(message!.result))).toEqual({});
  });

  it('is not answered by another session that guesses its id', async () => {
    const [mine, other] = [await session({ sampling: {} }), await session({ sampling: {} })];
    const response = await room.post(toolCall('ask', sampling), mine);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const { id } = JSON.parse((await reader.read()).value!.match(/^data: (.*)$/m)![1]!) as { id: number };
    await room.post({ id, result: { ...sampled, model: 'forged' } }, other);
    await room.post({ id, result: sampled }, mine);
    const rest = (await reader.read()).value!;
    expect(rest).toContain('a-model');
    expect(rest).not.toContain('forged');
  });

  it('fails when its client hangs up before it answers', async () => {
    const headers = await session({ sampling: {} });
    const hangUp = new AbortController();
    const response = await room.post(toolCall('ask', sampling), headers, hangUp.signal);
    await response.body!.getReader().read();
    hangUp.abort();
    // The server got an answer: a `response` was seen.
    await vi.waitFor(async () => {
      const [message] = await messagesOf(await room.post(toolCall('seen'), headers));
      expect(JSON.parse(textOf(message!.result))).toContain('response');
    });
  });
});

describe('a notification of the server', () => {
  it('goes to the GET streams of all sessions of its process, and to no other user', async () => {
    const heard: string[] = [];
    for (const subject of ['alice', 'alice', 'bob']) {
      const client = await room.client(subject);
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard.push(subject));
    }
    await streamsOpen(3);
    await room.post(toolCall('changed'), await session());
    await vi.waitFor(() => expect(heard).toEqual(['alice', 'alice']));
  });

  it('goes to the running call where it is a log message', async () => {
    const client = await room.client('alice');
    const heard: unknown[] = [];
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void heard.push(params.data));
    await client.callTool({ name: 'log', arguments: { message: 'a log message' } });
    expect(heard).toEqual(['a log message']);
  });
});
