import { setTimeout as delay } from 'node:timers/promises';
import Docker from 'dockerode';
import { objectName } from '../cli/stack-name.ts';

/** Kills a container of a stack (SIGKILL), starts it again, and waits until it does its work. @returns how long it was away, in seconds */
export async function killAndStart(stack: string, role: string): Promise<number> {
  const container = new Docker().getContainer(objectName(stack, role));
  const start = performance.now();
  await container.kill();
  await container.wait();
  await container.start();
  while ((await container.inspect()).State.Health?.Status !== 'healthy') {
    if (performance.now() - start > 240_000) throw new Error(`${role} is not back after four minutes.`);
    await delay(250);
  }
  return (performance.now() - start) / 1000;
}
