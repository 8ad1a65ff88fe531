import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

const SAMPLE_MILLISECONDS = 2_000;
const MOST_BUSY = 0.1;

/** Says so where the machine has other work: with the load generator and a backend beside the gateway, every core counts. */
export async function warnWhereBusy(): Promise<void> {
  const before = times();
  await sleep(SAMPLE_MILLISECONDS);
  const after = times();
  const busy = 1 - (after.idle - before.idle) / (after.all - before.all);
  if (busy > MOST_BUSY) console.error(`This machine is ${Math.round(busy * 100)} % busy with other work: the figures will be about that too.`);
}

function times(): { idle: number; all: number } {
  const spent = cpus().map((core) => core.times);
  return { idle: spent.reduce((sum, { idle }) => sum + idle, 0), all: spent.flatMap((core) => Object.values(core)).reduce((sum, time) => sum + time, 0) };
}
