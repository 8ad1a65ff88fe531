import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

/** A file and all of this project's that it imports, one way or another. */
function reached(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, name] of readFileSync(file, 'utf8').matchAll(/^import (?!type )[^;]*?'(\.[^']+)';$/gm)) reached(join(dirname(file), name!), found);
  return found;
}

test('the applier’s image has every file that the applier imports', () => {
  const copied = [...readFileSync('keycloak/applier.Dockerfile', 'utf8').matchAll(/^COPY (keycloak\/.*) \S+$/gm)].flatMap(([, sources]) => sources!.split(' '));
  const missing = [...reached('keycloak/apply.ts')].filter((file) => !copied.some((source) => file === source || (source.endsWith('/') && file.startsWith(source))));
  expect(missing).toEqual([]);
});
