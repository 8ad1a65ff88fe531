import { afterEach, describe, expect, it, vi } from 'vitest';
import { initialize, MODERN, messagesOf, Supervised, textOf, toolCall } from '../support/supervised.ts';

let room: Supervised;
afterEach(() => room.stop());

const session = async () => ({ 'Mcp-Session-Id': (await room.post(initialize())).headers.get('Mcp-Session-Id')! });
const tool = async (name: string, args: object = {}, options: Parameters<Supervised['modern']>[2] = {}) =>
  messagesOf(await room.modern('tools/call', { name, arguments: args }, options));

describe('a server of 2026-07-28', () => {
  it.each([[['modern']], [['modern', 'only']]])('is served to modern clients without sessions: %s', async (command) => {
    room = await Supervised.start(command);
    const response = await room.modern('server/discover');
    expect(response.status).toBe(200);
    expect(response.headers.get('Mcp-Session-Id')).toBeNull();
    expect(await messagesOf(response)).toMatchObject([{ id: 1, result: { supportedVersions: [MODERN] } }]);
    expect(textOf((await tool('era'))[0]!.result)).toMatch(/^modern/);
  });

  it('has a process for each user', async () => {
    room = await Supervised.start(['modern']);
    const eras = await Promise.all(['alice', 'alice', 'bob'].map(async (subject) => textOf((await tool('era', {}, { subject }))[0]!.result)));
    expect(eras[0]).toBe(eras[1]);
    expect(eras[0]).not.toBe(eras[2]);
  });

  it('that speaks both eras serves clients of both, each in a process of its own', async () => {
    room = await Supervised.start(['modern']);
    const [modern] = await tool('era');
    const [legacy] = await messagesOf(await room.post(toolCall('era'), await session()));
    expect([modern, legacy].map((message) => textOf(message!.result).split(' ')[0])).toEqual(['modern', 'legacy']);
    expect(textOf((await tool('era'))[0]!.result)).toBe(textOf(modern!.result));
  });

  it('keeps progress of calls with the same id and token apart', async () => {
    room = await Supervised.start(['modern']);
    await Promise.all(
      [1, 2, 3, 4].map(async (i) => {
        const messages = await tool('slow', { milliseconds: 50 - 10 * i, message: `${i}` }, { meta: { progressToken: 'same' } });
        expect(messages).toMatchObject([{ params: { progressToken: 'same' } }, { id: 1, result: { content: [{ text: `slow ${i}` }] } }]);
      }),
    );
  });

  it('is told of the cancellation when the client closes the stream', async () => {
    room = await Supervised.start(['modern']);
    const hangUp = new AbortController();
    const { params } = toolCall('slow', { milliseconds: 3_000, message: 'long' });
    const response = await room.modern('tools/call', params, { meta: { progressToken: 1 }, signal: hangUp.signal });
    await response.body!.getReader().read();
    hangUp.abort();
    await vi.waitFor(async () => expect(textOf((await tool('cancelled'))[0]!.result)).toBe('["long"]'));
  });

  it('sends what a subscription is for under the id that the client chose', async () => {
    room = await Supervised.start(['modern']);
    const listen = await room.modern('subscriptions/listen', { notifications: { toolsListChanged: true } }, { id: 'my-subscription' });
    expect(listen.headers.get('Content-Type')).toBe('text/event-stream');
    const reader = listen.body!.pipeThrough(new TextDecoderStream()).getReader();
    const read = async () => JSON.parse((await reader.read()).value!.match(/^data: (.*)$/m)![1]!) as object;
    const _meta = { 'io.modelcontextprotocol/subscriptionId': 'my-subscription' };
    expect(await read()).toMatchObject({ method: 'notifications/subscriptions/acknowledged', params: { _meta } });
    await tool('change');
    expect(await read()).toMatchObject({ method: 'notifications/tools/list_changed', params: { _meta } });
    await reader.cancel();
  });

  it('answers with the HTTP status of its errors', async () => {
    room = await Supervised.start(['modern']);
    const response = await room.modern('tools/list', {}, { meta: { 'io.modelcontextprotocol/protocolVersion': '2099-01-01' } });
    expect(response.status).toBe(400);
    expect(await messagesOf(response)).toMatchObject([{ error: { code: -32022, data: { supported: [MODERN] } } }]);
    expect((await room.modern('no/such')).status).toBe(404);
  });

  it('has neither GET nor DELETE', async () => {
    room = await Supervised.start(['modern']);
    for (const method of ['GET', 'DELETE']) {
      const response = await fetch(room.url, { method, headers: { 'Drawbridge-Subject': 'alice', 'MCP-Protocol-Version': MODERN } });
      expect([response.status, response.headers.get('Allow')]).toEqual([405, 'POST']);
    }
  });
});

describe('a server of a version before', () => {
  const refusal = { error: { code: -32022, data: { supported: ['2025-11-25', '2025-06-18', '2025-03-26'], requested: MODERN } } };

  it('is named so to modern clients, and shakes hands in the same process', async () => {
    room = await Supervised.start(['legacy']);
    const response = await room.modern('tools/list', {}, { id: 'mine' });
    expect(response.status).toBe(400);
    expect(await messagesOf(response)).toMatchObject([{ id: 'mine', ...refusal }]);
    expect((await room.post({ method: 'notifications/any' }, { 'MCP-Protocol-Version': MODERN })).status).toBe(202);
    const [seen] = await messagesOf(await room.post(toolCall('seen'), await session()));
    expect(JSON.parse(textOf(seen!.result))).toEqual(['server/discover', 'initialize', 'notifications/initialized', 'tools/call']);
  });

  it('is asked once for all users', async () => {
    room = await Supervised.start(['raw', 'plain'], {}, { probe: 300 });
    await Promise.all(['alice', 'bob', 'alice'].map(async (subject) => expect((await room.modern('tools/list', {}, { subject })).status).toBe(400)));
    const started = performance.now();
    await room.modern('tools/list', {}, { subject: 'carol' });
    expect(performance.now() - started).toBeLessThan(200);
    const [answer] = await messagesOf(await room.post(toolCall('any'), await session()));
    expect(JSON.parse(textOf(answer!.result))).toMatchObject({ discovered: 1 });
  });

  it.each(['silent', 'picky'])('is taken for one where it is %s before the handshake, and serves at once after', async (how) => {
    room = await Supervised.start(['raw', how], {}, { probe: 200 });
    expect(await messagesOf(await room.modern('tools/list'))).toMatchObject([refusal]);
    const [answer] = await messagesOf(await room.post(toolCall('any'), await session()));
    expect(answer).toMatchObject({ result: {} });
    expect(await messagesOf(await room.modern('tools/list'))).toMatchObject([refusal]);
    expect(room.log.join('\n')).not.toMatch(/may start again/);
  });

  it('that crashes at its start is asked again once it may start', async () => {
    room = await Supervised.start(['raw', 'crasher', '1'], {}, { firstWait: 100 });
    expect((await room.modern('tools/list')).status).toBe(400);
    expect(await messagesOf(await room.post(initialize()))).toMatchObject([{ error: { code: -32603 } }]);
    // Taken for legacy no longer, since it has shown neither.
    await vi.waitFor(() => expect(room.log.join('\n').match(/no such database/g)?.length).toBeGreaterThanOrEqual(2));
    await room.modern('tools/list');
    expect(room.log.join('\n').match(/^\S+ no such database$/gm)).toHaveLength(3);
  });
});
