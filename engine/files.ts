import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { EngineError, messageOf } from './types.ts';

/** Replaces a file, its new mode being 0600, so that after a crash it is either the old one or the new one, whole. */
export function writeDurably(path: string, content: string): void {
  const temporary = `${path}.new`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    rmSync(temporary, { force: true });
    const file = openSync(temporary, 'wx', 0o600);
    try {
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    // The rename itself is durable once the directory is.
    const directory = openSync(dirname(path), 'r');
    fsyncSync(directory);
    closeSync(directory);
  } catch (error) {
    rmSync(temporary, { force: true });
    const full = (error as NodeJS.ErrnoException).code === 'ENOSPC';
    throw new EngineError(`Cannot write ${path}: ${full ? 'the disk is full. Free some space' : messageOf(error)}, then run the same command again.`);
  }
}
