import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { link, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CommandError, UsageError } from '../errors.ts';

/** Before anything starts. @throws UsageError where the file could not be written, or is there */
export function refuseUnwritable(file: string): void {
  refuseExisting(file);
  const directory = dirname(resolve(file));
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    if (statSync(directory).isDirectory()) return;
  } catch {
    // Said below.
  }
  throw new UsageError(`${directory} is no directory that you can write to. Name a file in another, or make it.`);
}

/** @throws UsageError: a backup is never overwritten */
function refuseExisting(file: string): void {
  if (existsSync(file)) throw taken(file);
}

const taken = (file: string) => new UsageError(`${file} is there already, and nothing is overwritten. Choose another name.`);

/**
 * Writes a file (mode 0600) that has its name only once it is whole and on the disk. A killed run leaves `FILE.….partial`, a name
 * of its own: runs for the same file do not touch each other's.
 */
export async function writeWhole(file: string, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
  refuseExisting(file);
  const partial = `${file}.${randomBytes(4).toString('hex')}.partial`;
  try {
    const handle = await open(partial, 'wx', 0o600);
    try {
      try {
        for await (const chunk of chunks) await handle.writeFile(chunk);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await giveName(partial, file);
    } finally {
      await rm(partial, { force: true });
    }
    // The name is durable once the directory is.
    const directory = await open(dirname(resolve(file)), 'r');
    await directory.sync();
    await directory.close();
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException;
    if (!syscall) throw error;
    throw new CommandError(`${file} cannot be written: ${code === 'ENOSPC' ? 'the disk is full' : message}.`, ['Nothing is left of it. Try again, or elsewhere.']);
  }
}

/** What a file system says that knows no second name for a file, such as a stick's (FAT). */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'ENOSYS'];

/** A link, unlike a rename, replaces nothing. @throws UsageError where another run was faster */
async function giveName(partial: string, file: string): Promise<void> {
  try {
    await link(partial, file);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw taken(file);
    if (!NO_LINKS.includes(code)) throw error;
    refuseExisting(file);
    await rename(partial, file);
  }
}
