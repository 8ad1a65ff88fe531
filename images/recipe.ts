import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A stand-in is named by what makes it: a changed recipe is another image. */
export const standInRegistry = 'drawbridge.local';

/** What makes an image: contents of files by their name, and any other JSON value. */
export type Ingredients = Readonly<Record<string, unknown>>;

/** `drawbridge.local/<name>:<version>-<12 hex digits of the ingredients' hash>`; the order of the ingredients is no matter. */
export function standInTag(name: string, version: string, ingredients: Ingredients): string {
  const sorted = Object.entries(ingredients).sort(([a], [b]) => (a < b ? -1 : 1));
  const hash = createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 12);
  return `${standInRegistry}/${name}:${version}-${hash}`;
}

/** The files of a folder (not of its subfolders) with their contents, those whose name ends in `suffix`. None if there is no folder. */
export function filesIn(folder: string, suffix = ''): Record<string, string> {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith(suffix)).sort();
    return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}
