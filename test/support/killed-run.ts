import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { EngineEvent, StackOptions } from '../../engine/index.ts';

/**
 * Starts a verb in a process of its own and kills that with SIGKILL at the first event for which `when` holds. What the
 * process has started itself (the program, a command's children) is left to its fate, as it is when a machine's user or
 * its kernel kills a run.
 * @param when may take its time to find out, for example by asking Docker
 * @returns the events up to then
 */
export async function killedRun(verb: 'up' | 'down', options: StackOptions, when: (event: EngineEvent) => boolean | Promise<boolean>): Promise<EngineEvent[]> {
  const child = spawn(process.execPath, [resolve(import.meta.dirname, 'engine-run.ts'), verb, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = new Promise<NodeJS.Signals | null>((done) => child.once('close', (_, signal) => done(signal)));
  const events: EngineEvent[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as EngineEvent;
    events.push(event);
    if (!child.killed && (await when(event))) child.kill('SIGKILL');
  }
  if ((await closed) !== 'SIGKILL') throw new Error('the run ended before it was killed');
  return events;
}
