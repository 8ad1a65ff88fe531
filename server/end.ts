import type { ServerResponse } from 'node:http';

const works = Symbol('works');

/** Calls `work` once a response is over, whether it was answered or its client is gone. One listener serves all who ask. */
export function atEnd(res: ServerResponse & { [works]?: (() => void)[] }, work: () => void): void {
  if (res[works] !== undefined) return void res[works].push(work);
  const all = (res[works] = [work]);
  res.once('close', () => {
    for (const each of all) each();
  });
}
