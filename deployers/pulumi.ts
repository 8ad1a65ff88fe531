import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CommandError, ConcurrentUpdateError, LocalWorkspace, type Stack, StackNotFoundError } from '@pulumi/pulumi/automation/index.js';
import { EngineError } from '../engine/types.ts';
import { type Begun, begunIn } from './begun.ts';
import type { Deployer, Listed, Notes } from './deployer.ts';

/** Of the Automation API, what is used here. */
export interface Pulumi {
  workspace(): Promise<Pick<LocalWorkspace, 'createStack' | 'listStacks' | 'listTags' | 'setTag' | 'removeTag' | 'setAllConfigJson' | 'removeAllConfig' | 'stackOutputs' | 'removeStack'>>;
  /** @throws StackNotFoundError */
  select(name: string): Promise<Pick<Stack, 'up' | 'destroy' | 'cancel' | 'exportStack'>>;
  /** For what the API has no function for. */
  cli(args: readonly string[]): Promise<unknown>;
}

export interface PulumiOptions {
  projectDirectory: string;
  onLine?: (line: string) => void;
  signal?: AbortSignal;
  pulumi?: Pulumi;
  /** Removes what a killed run had begun to make, where it was made. @returns whether there was anything */
  remove: (stack: string, begun: readonly Begun[]) => Promise<boolean>;
}

/** How the tags of a stack begin that are notes of ours. */
const TAG = 'drawbridge:preview-';
/** A tag of a stack whose last run came to its end: what a killed one has left says nothing of that. */
const WHOLE = 'drawbridge:whole';
const NAMESPACE = 'drawbridge';

const automation = (workDir: string): Pulumi => ({
  workspace: () => LocalWorkspace.create({ workDir }),
  select: (stackName) => LocalWorkspace.selectStack({ stackName, workDir }),
  cli: (args) => promisify(execFile)('pulumi', args, { cwd: workDir }),
});

/** The Pulumi CLI on the PATH, with whichever state backend and secrets provider it is set up for. */
export function pulumiDeployer({ projectDirectory, onLine, signal, pulumi = automation(projectDirectory), remove }: PulumiOptions): Deployer {
  const shown = { onOutput: onLine, signal };

  return inWords({
    keepsStateHere: false,

    async note(name, notes) {
      const workspace = await pulumi.workspace();
      if (!(await workspace.listStacks()).some((stack) => stack.name === name)) await workspace.createStack(name);
      for (const [key, value] of Object.entries(notes)) await workspace.setTag(name, TAG + key, value);
    },

    async up({ name, template, changes }) {
      const workspace = await pulumi.workspace();
      // The CLI encrypts the secrets anew on the way, and none is an argument that every process of the machine could read.
      await pulumi.cli(['config', 'cp', '--stack', template, '--dest', name, '--non-interactive']);
      const entries = Object.entries(changes).map(([key, value]) => [`${NAMESPACE}:${key}`, value] as const);
      await workspace.removeAllConfig(name, entries.flatMap(([key, value]) => (value === undefined ? [key] : [])));
      await workspace.setAllConfigJson(name, JSON.stringify(Object.fromEntries(entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, configValue(value)]])))));
      if (WHOLE in (await workspace.listTags(name))) await workspace.removeTag(name, WHOLE);
      const { summary, outputs } = await unlocked(name, true, (stack) => stack.up(shown));
      await workspace.setTag(name, WHOLE, 'true');
      return { changes: summary.resourceChanges ?? {}, outputs: plain(outputs) };
    },

    async destroy(name, { evenIfLocked }) {
      try {
        await unlocked(name, evenIfLocked, async (stack) => {
          // What says where they are goes with the rest.
          const strangers = await strangersOf(stack);
          await stack.destroy(shown);
          await removeStrangers(name, strangers);
        });
        await (await pulumi.workspace()).removeStack(name);
      } catch (error) {
        if (!(error instanceof StackNotFoundError)) throw error;
      }
    },

    async list() {
      const workspace = await pulumi.workspace();
      const stacks = await workspace.listStacks();
      const listed = await Promise.all(
        stacks.map(async ({ name, updateInProgress }): Promise<Listed | undefined> => {
          const tags = await workspace.listTags(name).catch((error: Error) => (/no stack named/.test(error.message) ? undefined : Promise.reject(error)));
          // It went meanwhile.
          if (!tags) return undefined;
          const notes = Object.entries(tags).flatMap(([tag, value]) => (tag.startsWith(TAG) ? [[tag.slice(TAG.length), value] as const] : []));
          return { name, notes: notes.length > 0 ? (Object.fromEntries(notes) as Notes) : undefined, state: updateInProgress ? 'at work' : WHOLE in tags ? 'stands' : 'half-made' };
        }),
      );
      return listed.filter((each) => each !== undefined);
    },

    async outputs(name) {
      const workspace = await pulumi.workspace();
      if (!(await workspace.listStacks()).some((stack) => stack.name === name)) return undefined;
      return plain(await workspace.stackOutputs(name));
    },
  });

  /** A lock says nothing of whether its holder lives. Of one preview whoever calls it by its name has one run at a time, so that it is one that was killed. */
  async function unlocked<T>(name: string, evenIfLocked: boolean, work: (stack: Awaited<ReturnType<Pulumi['select']>>) => Promise<T>): Promise<T> {
    const stack = await pulumi.select(name);
    try {
      return await work(stack);
    } catch (error) {
      if (!(error instanceof ConcurrentUpdateError)) {
        // They are in the way of what has their names, and of the networks that they are in.
        if (!(error instanceof CommandError) || signal?.aborted || !(await removeStrangers(name, await strangersOf(stack)))) throw error;
        return work(stack);
      }
      if (!evenIfLocked) throw new EngineError(`stack ${name} is locked: a run is at work, or was killed. \`npm run preview -- down --name ${name}\` takes the lock away`);
      onLine?.(`Stack ${name} is locked by a run that did not end: its lock is taken away.`);
      await stack.cancel();
      await removeStrangers(name, await strangersOf(stack));
      return work(stack);
    }
  }

  async function strangersOf(stack: Awaited<ReturnType<Pulumi['select']>>): Promise<Begun[]> {
    return begunIn((await stack.exportStack()).deployment);
  }

  async function removeStrangers(name: string, strangers: readonly Begun[]): Promise<boolean> {
    if (strangers.length === 0 || !(await remove(name, strangers))) return false;
    onLine?.('Removed what a run that did not end had begun to make, so that it can be made.');
    return true;
  }
}

/** As `pulumi config --json` prints it. What has no `objectValue` is a text: a number or a boolean would be one too. */
const configValue = (value: unknown) => (typeof value === 'string' ? { value, secret: false } : { value: JSON.stringify(value), objectValue: value, secret: false });

const plain = (outputs: Readonly<Record<string, { value: unknown }>>) => Object.fromEntries(Object.entries(outputs).map(([key, { value }]) => [key, value]));

/** The same, with the end of what the CLI said on stderr in place of its errors: they quote all that it printed, stack frames come with them. */
function inWords(deployer: Deployer): Deployer {
  const said = <Given extends unknown[], T>(work: (...given: Given) => Promise<T>) => async (...given: Given): Promise<T> => {
    try {
      return await work(...given);
    } catch (error) {
      const stderr = error instanceof CommandError ? /stderr: ([^]*?)\n err\?:/.exec(error.message)?.[1] : (error as { stderr?: string }).stderr;
      if (stderr === undefined) throw error;
      throw new EngineError(`The Pulumi CLI failed:\n${stderr.trim().split('\n').slice(-10).join('\n')}`);
    }
  };
  const { keepsStateHere, note, up, destroy, list, outputs } = deployer;
  return { keepsStateHere, note: said(note), up: said(up), destroy: said(destroy), list: said(list), outputs: said(outputs) };
}
