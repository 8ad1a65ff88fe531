import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { writeDurably } from '../engine/files.ts';
import * as engine from '../engine/index.ts';
import { isLocked } from '../engine/lock.ts';
import { previewConfig } from './config.ts';
import type { Deployer, Listed, Notes } from './deployer.ts';

export interface EmbeddedOptions {
  projectDirectory: string;
  stateDirectory: string;
  onEvent?: (event: engine.EngineEvent) => void;
  signal?: AbortSignal;
}

const HEADER = '# A preview: made by `npm run preview -- up`, and removed by `npm run preview -- down`. Changes are lost.\n';

/** None where they cannot be read: it is a preview all the same. */
function readNotes(file: string): Notes {
  try {
    const notes: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof notes === 'object' && notes !== null ? (notes as Notes) : {};
  } catch {
    return {};
  }
}

/** Of one whose notes were removed while a run was at work on it, the file is left. */
const isPreviewFile = (file: string): boolean => existsSync(file) && readFileSync(file, 'utf8').startsWith(HEADER);

/** The embedded engine: state, records and locks are files. */
export function embeddedDeployer({ projectDirectory, stateDirectory, onEvent, signal }: EmbeddedOptions): Deployer {
  const options = (stack: string) => ({ projectDirectory, stateDirectory, stack, onEvent, signal });
  const notesOf = (name: string) => join(stateDirectory, `${name}.preview`);
  const configOf = (name: string) => join(projectDirectory, `Pulumi.${name}.yaml`);
  const namesIn = (directory: string, pattern: RegExp) => (existsSync(directory) ? readdirSync(directory) : []).flatMap((file) => pattern.exec(file)?.[1] ?? []);

  return {
    keepsStateHere: true,

    async note(name, notes) {
      writeDurably(notesOf(name), JSON.stringify(notes));
    },

    async up({ name, template, changes }) {
      const { config: given = {} } = (parse(readFileSync(configOf(template), 'utf8')) ?? {}) as { config?: Record<string, unknown> };
      const config = previewConfig(given, 'drawbridge', changes);
      // So that commands which take --stack know it. Its secrets are those of the template's file.
      writeDurably(configOf(name), `${HEADER}${stringify({ config })}`);
      return engine.up({ ...options(name), config });
    },

    async destroy(name) {
      await engine.down(options(name));
      rmSync(configOf(name), { force: true });
      rmSync(notesOf(name), { force: true });
    },

    async list() {
      const names = new Set([...namesIn(stateDirectory, /^(.+)\.(?:json|preview)$/), ...namesIn(projectDirectory, /^Pulumi\.(.+)\.yaml$/)]);
      return [...names].sort().map((name): Listed => ({ name, notes: existsSync(notesOf(name)) ? readNotes(notesOf(name)) : isPreviewFile(configOf(name)) ? {} : undefined, state: stateOf(name) }));
    },

    async outputs(name) {
      return (await engine.outputs(options(name)))?.outputs;
    },
  };

  function stateOf(name: string): Listed['state'] {
    if (isLocked(join(stateDirectory, `${name}.lock`))) return 'at work';
    try {
      return engine.isWhole(options(name)) ? 'stands' : 'half-made';
    } catch {
      // A state that cannot be read is listed too.
      return 'half-made';
    }
  }
}
