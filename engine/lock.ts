import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { EngineError } from './types.ts';

/**
 * Takes the lock of a stack and returns what gives it back.
 * A lock whose process is gone is taken over.
 * @throws EngineError when another run holds it
 */
export function takeLock(path: string): () => void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const mine = `${path}.${process.pid}`;
  const content = identity(process.pid);
  writeFileSync(mine, content, { mode: 0o600 });
  try {
    // A link appears together with its content, so nobody reads a half-written lock.
    for (let attempt = 0; !link(mine, path); attempt++) {
      const holder = read(path);
      if (holder === undefined) continue;
      if (isAlive(holder) || attempt > 3) throw locked(path, holder);
      discard(path, holder);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  return () => {
    if (read(path) === content) rmSync(path, { force: true });
    try {
      rmdirSync(dirname(path));
    } catch {
      // The directory still holds something: the usual case.
    }
  };
}

/** Whether a run that is alive holds the lock. */
export function isLocked(path: string): boolean {
  const holder = read(path);
  return holder !== undefined && isAlive(holder);
}

/** Removes a stale lock, and only it: another run may have taken it over in the meantime. */
function discard(path: string, stale: string): void {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  const moved = read(aside);
  if (moved !== stale) link(aside, path);
  rmSync(aside, { force: true });
  if (moved !== undefined && moved !== stale) throw locked(path, moved);
}

const locked = (path: string, holder: string): EngineError =>
  new EngineError(`Another run is at work on this stack (process ${holder.split(' ')[0]}, ${path}). Wait for it to end, or stop it, then run the command again.`, { begun: false });

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** `<pid> <start time>`: pids are used again, and a pid alone would make a dead run look alive. */
function identity(pid: number): string {
  const stat = read(`/proc/${pid}/stat`);
  // Field 22 of proc(5) stat, counted after the command, which may hold spaces.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  return fields[0] === 'Z' ? 'dead' : `${pid} ${fields[19] ?? ''}`;
}

function isAlive(holder: string): boolean {
  const pid = Number(holder.split(' ')[0]);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return identity(pid) === holder;
}
