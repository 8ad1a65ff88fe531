import { createGzip } from 'node:zlib';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import dockerignore from '@balena/dockerignore';
import { pack } from 'tar-fs';

/** The files that `docker build` would send: all but those of `.dockerignore`. As a gzipped tar. */
export function packContext(context: string, dockerfile: string): NodeJS.ReadableStream {
  const files = contextFiles(context, dockerfile);
  // The owner on this machine is nobody's business in the image, and would defeat the build cache elsewhere.
  const map = (header: { uid?: number; gid?: number }) => Object.assign(header, { uid: 0, gid: 0 });
  return pack(context, { entries: files, map: map as never }).pipe(createGzip({ level: 1 }));
}

/**
 * Paths of those files. The Dockerfile and `.dockerignore` always go along: the engine needs both, and takes them out again
 * before COPY where the list excludes them.
 */
export function contextFiles(context: string, dockerfile: string): string[] {
  const patterns = readPatterns(context);
  const rules = dockerignore.default({ ignorecase: false }).add(patterns);
  const exceptions = patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1).replace(/^\//, ''));
  const found: string[] = [];
  const walk = (directory: string): void => {
    for (const entry of readdirSync(join(context, directory), { withFileTypes: true })) {
      const path = directory ? `${directory}/${entry.name}` : entry.name;
      const ignored = rules.ignores(path);
      if (!entry.isDirectory()) {
        if (!ignored || path === dockerfile || path === '.dockerignore') found.push(path);
      } else if (!ignored || exceptions.some((exception) => mayReach(exception, path)) || dockerfile.startsWith(`${path}/`)) {
        walk(path);
      }
    }
  };
  walk('');
  return found.sort();
}

/** Whether an exception (`!a/b`) can name something under a directory that is ignored itself. */
function mayReach(exception: string, directory: string): boolean {
  const fixed = exception.split(/[*?[]/)[0]!;
  return fixed === exception ? exception.startsWith(`${directory}/`) : `${directory}/`.startsWith(fixed) || fixed.startsWith(`${directory}/`);
}

function readPatterns(context: string): string[] {
  try {
    return readFileSync(join(context, '.dockerignore'), 'utf8').split('\n').map((line) => line.trim()).filter((line) => line && !line.startsWith('#'));
  } catch {
    return [];
  }
}
