import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from './command.ts';
import { contextOf } from './contexts.ts';
import { buildDebian, debianTag } from './debian.ts';
import type { ImageEngine } from './engine.ts';
import { withLock } from './lock.ts';
import { filesIn, standInRegistry, standInTag } from './recipe.ts';
import { officialReference, versions, type BaseName } from './versions.ts';

const buildStageLabel = 'dev.drawbridge.build-stage';

/** Builds the stand-in of `name`, and the Debian image below it, unless they exist. Returns its tag. One that cannot be built has to be there. */
export async function provideStandIn(name: BaseName, engine: ImageEngine, report: Report): Promise<string> {
  const { standIn: version } = versions[name];
  if (version === undefined) return findStandIn(name, engine, report);
  const architecture = await engine.architecture();
  const debian = debianTag(architecture);
  const recipe = join(import.meta.dirname, name);
  const context = await contextOf(name, architecture);
  const tag = standInTag(name, version, { ...filesIn(recipe), ...context.ingredients, debian, version });
  if (await engine.exists(tag)) return tag;

  await once(engine, 'debian', debian, report, (folder) => buildDebian(engine, debian, architecture, folder, report));
  await once(engine, name, tag, report, async (folder) => {
    report(`building ${tag}`);
    cpSync(recipe, folder, { recursive: true });
    await context.fill(folder, report);
    try {
      await engine.build(folder, tag, { DEBIAN: debian, VERSION: version }, report);
    } finally {
      for (const id of await engine.untagged(`${buildStageLabel}=${name}`)) await engine.remove(id);
    }
  });
  return tag;
}

async function findStandIn(name: BaseName, engine: ImageEngine, report: Report): Promise<string> {
  const image = `${standInRegistry}/${name}:latest`;
  if (!(await engine.exists(image)))
    throw new Error(`No package registry has ${name}, so that no stand-in for ${officialReference(name)} can be built: give the container engine a way to an image registry.`);
  report(`WARNING: ${image} is used in place of ${officialReference(name)}. Somebody put it on this engine, and it is NOT the official image: for tests against simulations only.`);
  return image;
}

/** Removes every stand-in, of this recipe or an earlier one. What runs on them must be gone first. */
export async function removeStandIns(engine: ImageEngine, report: Report): Promise<void> {
  const tags = await engine.tags(`${standInRegistry}/*`);
  const isDebian = (tag: string): boolean => tag.startsWith(`${standInRegistry}/debian:`);
  for (const tag of [...tags.filter((tag) => !isDebian(tag)), ...tags.filter(isDebian)]) {
    report(`removing ${tag}`);
    await engine.remove(tag);
  }
}

/** Makes an image that does not exist yet, with a folder for the work, while no other process makes it. */
async function once(engine: ImageEngine, name: string, tag: string, report: Report, make: (folder: string) => Promise<void>): Promise<void> {
  await withLock(
    name,
    async () => {
      if (await engine.exists(tag)) return;
      // A fixed place, so that what a killed run left there is found. Not recursive: a folder that someone else put there is refused.
      const folder = join(tmpdir(), `drawbridge-images-${name}`);
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
      // Others may pass through it: without root, mmdebstrap works as a subordinate user.
      mkdirSync(folder, { mode: 0o711 });
      try {
        await make(folder);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    () => report(`waiting for another run that makes ${name}`),
  );
}
