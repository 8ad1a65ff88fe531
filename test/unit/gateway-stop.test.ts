import { expect, it } from 'vitest';
import { GatewayRoom, messagesOf } from '../support/gateway-room.ts';
import { callTool } from '../support/server-room.ts';

it('a gateway that is asked to stop finishes calls, and ends at once a stream in which nothing is asked, so that its client opens it elsewhere', async () => {
  const room = await GatewayRoom.open('stateful');
  room.backend.onCall({ kind: 'delay', milliseconds: 1_000 });
  const subscribed = await room.modern('subscriptions/listen', { notifications: {} });
  const called = room.post(callTool('echo'));
  await expect.poll(() => room.backend.calls().length).toBe(1);
  const began = performance.now();
  const stopped = room.room.listening.stop(10_000);
  expect((await messagesOf(subscribed))[0]).toMatchObject({ method: 'notifications/subscriptions/acknowledged' });
  expect(performance.now() - began).toBeLessThan(500);
  expect((await called).status).toBe(200);
  await stopped;
  expect(performance.now() - began).toBeLessThan(5_000);
  await Promise.all([room.room.issuer.stop(), room.backend.stop()]);
});
