import { readdirSync, readFileSync } from 'node:fs';

/** What a process and its descendants hold, in bytes: `Rss` as it is, or `Pss`, where pages that processes share are counted once. */
export function memoryOf(pid: number, kind: 'Pss' | 'Rss' = 'Pss'): number {
  return family(pid)
    .map((member) => Number(new RegExp(`^${kind}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${member}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1024)
    .reduce((sum, bytes) => sum + bytes, 0);
}

/** The processes that a process started. */
export function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}

function family(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(family)];
}
